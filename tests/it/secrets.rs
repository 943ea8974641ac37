//! Keys and secrets at rest: who can read the files, who the memory, and what is left in it of what was read.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow_tests::{APP_SECRET, Edge, Logic, Tls, is_there, key_file, run, screen};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// Root without the right to look into any process.
const UNPRIVILEGED: [&str; 2] = ["setpriv", "--bounding-set=-sys_ptrace"];

fn limit_of_core(process: &str) -> String {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap().to_owned()
}

#[tokio::test]
async fn nobody_looks_into_the_memory_unless_that_was_asked_for() {
    if !is_there(&[UNPRIVILEGED.as_slice(), &["true"]].concat()).await {
        return;
    }
    for (arguments, open) in [(&[][..], false), (&["--core-dumps"], true)] {
        let edge = Edge::before_url("http://127.0.0.1:1").under(&UNPRIVILEGED).arguments(arguments).start().await;
        let process = edge.process().to_string();
        let limit = limit_of_core(&process);
        if open {
            assert_eq!(limit, limit_of_core("self"));
        } else {
            assert_eq!(limit.split_whitespace().take(2).collect::<Vec<_>>(), ["0", "0"]);
        }
        // Opening it is as much as attaching a debugger.
        let memory = format!("/proc/{process}/mem");
        let look =
            Command::new(UNPRIVILEGED[0]).args([UNPRIVILEGED[1], "head", "-c0", &memory]).output().await.unwrap();
        assert_eq!(look.status.success(), open, "{}", String::from_utf8_lossy(&look.stderr));
        edge.stop().await;
    }
}

/// What the process can write to, which is where it keeps what it reads.
fn memory(edge: &Edge) -> Vec<Vec<u8>> {
    let folder = format!("/proc/{}", edge.process());
    let memory = File::open(format!("{folder}/mem")).unwrap();
    let maps = fs::read_to_string(format!("{folder}/maps")).unwrap();
    let regions = maps.lines().filter(|line| line.contains(" rw") && !line.contains("[stack]")).map(|line| {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
        let mut region = vec![0; usize::try_from(end - start).unwrap()];
        // What was given back meanwhile holds nothing any more.
        let read = memory.read_at(&mut region, start).unwrap_or(0);
        region.truncate(read);
        region
    });
    regions.collect()
}

#[tokio::test]
async fn what_was_read_of_keys_and_passphrases_is_not_in_memory_any_more() {
    const PASSPHRASE: &str = "correct horse battery staple";
    if !is_there(&["openssl", "version"]).await {
        return;
    }
    let pem = fs::read_to_string(key_file("current.pem")).unwrap();
    let encrypted = |words: &[&str]| {
        let (file, passphrase) = (key_file("previous.pem"), format!("pass:{PASSPHRASE}"));
        let output = std::process::Command::new("openssl")
            .args(words)
            .args(["-passout", &passphrase, "-in"])
            .arg(file)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let key = |file: &str| json!({ "file": file, "passphrase_file": "passphrase" });
    let edge = Edge::before(&logic)
        .with(json!({ "private_keys": [{ "file": key_file("current.pem") }, key("pkcs8.pem"), key("pkcs1.pem")] }))
        .file("pkcs8.pem", &encrypted(&["pkcs8", "-topk8"]))
        .file("pkcs1.pem", &encrypted(&["rsa", "-traditional", "-aes256"]))
        .file("passphrase", PASSPHRASE)
        .arguments(&["--core-dumps"])
        .start()
        .await;
    for public_key in ["current.pub", "previous.pub"] {
        let answer = edge.client().public_key(public_key).send(json!({ "version": "4.0", "action": "INIT" })).await;
        assert_eq!(answer.status, 200);
    }
    let line = pem.lines().nth(10).unwrap();
    let der = |name: &str| {
        let pem = fs::read_to_string(key_file(name)).unwrap();
        let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        STANDARD.decode(text).unwrap()
    };
    // Amid the two primes and what is computed of them.
    let [current, previous] = ["current.pem", "previous.pem"].map(|name| der(name)[700..724].to_vec());
    let regions = memory(&edge);
    let holds = |text: &[u8]| regions.iter().any(|region| region.windows(text.len()).any(|window| window == text));
    assert!(holds(APP_SECRET.as_bytes()), "the app secret is in use, so it shows that the memory is looked at");
    for (what, text) in [
        ("a line of the file", line.as_bytes()),
        ("the passphrase", PASSPHRASE.as_bytes()),
        ("the key's DER", &current),
        ("the DER of the decrypted key", &previous),
    ] {
        assert!(!holds(text), "{what} is in memory");
    }
}

fn set_mode(file: &Path, mode: u32) {
    fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_secret_that_everybody_can_read_is_a_warning_and_with_strict_a_mistake() {
    let folder = TempDir::new().unwrap();
    let tls = Tls::new();
    let key = fs::read_to_string(key_file("current.pem")).unwrap();
    let secrets = ["key.pem", "passphrase", "app-secret", "tls.key", "logic.key"];
    for (name, content) in secrets
        .into_iter()
        .zip([&key, "passphrase", "0123456789abcdef0123456789abcdef", &tls.private_key, &tls.private_key])
        .chain([("tls.crt", &*tls.certificate)])
    {
        fs::write(folder.path().join(name), content).unwrap();
        set_mode(&folder.path().join(name), 0o644);
    }
    let config = "listen:
  address: 127.0.0.1:0
  tls: { certificate_file: tls.crt, private_key_file: tls.key }
endpoints:
  - name: flow
    path: /flow
    private_keys:
      - { file: key.pem, passphrase_file: passphrase }
    app_secrets:
      - file: app-secret
    logic:
      url: https://logic:50051
      tls: { certificate_file: tls.crt, private_key_file: logic.key }
";
    fs::write(folder.path().join("flow-edge.yaml"), config).unwrap();
    let check = async |arguments: &[&str]| {
        let output = run(&[&["check", "--config", "flow-edge.yaml"], arguments].concat(), folder.path()).await;
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), stdout, stderr)
    };
    for (arguments, code) in [(&[][..], 0), (&["--strict"], 1)] {
        let (ended, stdout, stderr) = check(arguments).await;
        assert_eq!(ended, Some(code), "{stderr}");
        assert_eq!(stdout.contains("good"), code == 0, "{stdout}");
        let places = [
            "flow-edge.yaml:3: warning: listen.tls.private_key_file: tls.key ",
            "flow-edge.yaml:8: warning: endpoints[0].private_keys[0].passphrase_file: passphrase ",
            "flow-edge.yaml:8: warning: endpoints[0].private_keys[0].file: key.pem ",
            "flow-edge.yaml:10: warning: endpoints[0].app_secrets[0].file: app-secret ",
            "flow-edge.yaml:13: warning: endpoints[0].logic.tls.private_key_file: logic.key ",
        ];
        for place in places {
            let line = stderr.lines().find(|line| line.starts_with(place));
            let said = line.is_some_and(|line| {
                ["(mode 0644)", "chmod o-r", "defaultMode: 0440"].iter().all(|part| line.contains(part))
            });
            assert!(said, "{place}\n{stderr}");
        }
        assert_eq!(stderr.lines().count(), places.len(), "{stderr}");
    }
    secrets.iter().for_each(|name| set_mode(&folder.path().join(name), 0o640));
    for arguments in [&[][..], &["--strict"]] {
        let (ended, stdout, stderr) = check(arguments).await;
        assert_eq!((ended, &*stderr), (Some(0), ""));
        assert!(stdout.starts_with("flow-edge.yaml: good\n"), "{stdout}");
    }
}

#[tokio::test]
async fn a_running_edge_warns_at_the_start_and_at_each_reload() {
    const WARNING: &str = "configuration to be mended";
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let mut edge = Edge::before(&logic).section("reload_interval", json!("1h")).start().await;
    let secret = edge.folder().join("app-secret");
    let everybody = fs::metadata(&secret).unwrap().permissions().mode() & 0o004 != 0;
    set_mode(&secret, 0o604);
    edge.signal("HUP").await;
    edge.wait_for_log("mode 0604").await;
    set_mode(&secret, 0o600);
    edge.signal("HUP").await;
    edge.reloads("applied", 2).await;
    let log = edge.stop().await.log;
    let warnings: Vec<Value> =
        log.iter().filter(|line| line.contains(WARNING)).map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_secret: Vec<_> =
        warnings.iter().filter(|line| line["field"] == "endpoints[0].app_secrets[0].file").collect();
    assert_eq!(of_secret.len(), 1 + usize::from(everybody));
    let last = of_secret.last().unwrap();
    assert_eq!((&last["level"], &last["line"]), (&json!("WARN"), &json!(1)));
    assert!(last["reason"].as_str().unwrap().contains("mode 0604"), "{last}");
}
