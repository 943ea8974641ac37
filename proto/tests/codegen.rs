//! The committed code in `src/gen` is what the proto file says.
//!
//! The proto is compiled by protox, so that neither this test nor a build of the workspace needs protoc. After a change of
//! the proto: `FLOW_PROTO_WRITE=1 cargo test -p flow-proto --test codegen`.

#![allow(clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;

fn generated() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gen")
}

/// What `src/gen` should hold: the Rust code and the descriptor set.
fn generate() -> Vec<(&'static str, Vec<u8>)> {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut descriptors = protox::compile(["flow/v1/flow_service.proto"], [root]).expect("the proto file compiles");

    let out = tempfile::tempdir().expect("a temporary directory");
    tonic_prost_build::configure()
        .build_transport(false)
        .out_dir(out.path())
        .compile_fds(descriptors.clone())
        .expect("code is generated");
    let code = fs::read(out.path().join("flow.v1.rs")).expect("flow.v1.rs was generated");

    // Comments and positions are for people and generators, not for reflection.
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    vec![("flow.v1.rs", code), ("flow.v1.bin", descriptors.encode_to_vec())]
}

#[test]
fn committed_code_matches_the_proto_file() {
    for (name, wanted) in generate() {
        let path = generated().join(name);
        if std::env::var_os("FLOW_PROTO_WRITE").is_some() {
            fs::write(&path, &wanted).expect("src/gen is writable");
        }
        let committed = fs::read(&path).expect("src/gen holds the file");
        assert!(
            committed == wanted,
            "{name} differs from flow/v1/flow_service.proto; run\n\
             FLOW_PROTO_WRITE=1 cargo test -p flow-proto --test codegen\nand commit the result",
        );
    }
}
