//! The contract between flow-edge and the logic of a flow: `flow/v1/flow_service.proto` and what is generated from it.
//!
//! It knows the messages, the gRPC client and server, and how a `google.protobuf.Struct` reads as JSON ([`json`]), and how much
//! an answer would take ([`size`]). It
//! refuses to know either side: encryption and HTTP live in flow-edge, a pleasant server API in flow-logic-sdk.

pub mod json;
pub mod size;

/// Package `flow.v1`, generated; `cargo test -p flow-proto` fails when it differs from the proto file.
pub mod v1 {
    #![allow(missing_debug_implementations, unreachable_pub, clippy::all, clippy::expect_used, clippy::unwrap_used)]
    include!("gen/flow.v1.rs");
}

/// The contract as a serialised `google.protobuf.FileDescriptorSet`, imports included, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/flow.v1.bin");
