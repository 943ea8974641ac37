//! A configuration file, beside the files that the documented one names: it loads, or every mistake has its line.

#![no_main]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use flow_edge::config::Config;
use flow_fuzz::{PREVIOUS_KEY, PRIVATE_KEY, SECRET};
use libfuzzer_sys::{Corpus, fuzz_target};

/// Loads only where the files beside it are read too, which the target is for.
const DOCUMENTED: &str = include_str!("../seeds/config/documented");

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("flow-fuzz-config-{}", std::process::id()));
    write_files(&folder).expect("a folder to write to");
    folder
});

fuzz_target!(
    init: {
        let file = FOLDER.join("documented.yaml");
        fs::write(&file, DOCUMENTED).expect("a file to write to");
        if let Err(errors) = Config::load(&file) {
            panic!("the documented configuration: {errors}");
        }
    },
    |text: &[u8]| -> Corpus { check(text) }
);

fn check(text: &[u8]) -> Corpus {
    // A device or a pipe can be read without end.
    if ["/dev", "/proc", "/sys"].iter().any(|name| text.windows(name.len()).any(|window| window == name.as_bytes())) {
        return Corpus::Reject;
    }
    let file = FOLDER.join("flow-edge.yaml");
    fs::write(&file, text).expect("a file to write to");
    match Config::load(&file) {
        Ok(config) => {
            assert!(!config.endpoints.is_empty());
            let names: HashSet<_> = config.endpoints.iter().map(|endpoint| &endpoint.name).collect();
            let paths: HashSet<_> = config.endpoints.iter().map(|endpoint| &endpoint.path).collect();
            assert_eq!((names.len(), paths.len()), (config.endpoints.len(), config.endpoints.len()));
            for endpoint in &config.endpoints {
                assert!(!endpoint.private_keys.is_empty() && !endpoint.app_secrets.is_empty());
            }
            assert!(!format!("{config:?}").contains(SECRET));
        }
        Err(errors) => {
            // A file that ends too early may be found so on the line after its last.
            let lines = text.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count() + 2;
            assert!(!errors.mistakes.is_empty(), "an error without a mistake");
            for mistake in &errors.mistakes {
                assert!((1..=lines).contains(&mistake.line), "{mistake:?} in a file of {lines} lines");
                assert!(!mistake.message.is_empty());
            }
            assert!(errors.mistakes.is_sorted_by_key(|mistake| mistake.line));
            assert!(!errors.to_string().contains(SECRET));
        }
    }
    Corpus::Keep
}

fn write_files(folder: &Path) -> std::io::Result<()> {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::create_dir_all(folder.join("keys"))?;
    fs::create_dir_all(folder.join("secrets"))?;
    fs::write(folder.join("tls.crt"), certificate.cert.pem())?;
    fs::write(folder.join("tls.key"), certificate.signing_key.serialize_pem())?;
    fs::write(folder.join("keys/current.pem"), PRIVATE_KEY)?;
    fs::write(folder.join("keys/previous.pem"), PREVIOUS_KEY)?;
    fs::write(folder.join("keys/passphrase"), "test-only\n")?;
    fs::write(folder.join("secrets/app-secret"), format!("{SECRET}\n"))
}
