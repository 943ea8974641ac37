//! The appointment as a process, with its bookings in SQLite, walked through by the phone of `flowctl`.

use flow_tests::{ExampleService, binary, flowctl};
use serde_json::Value;
use tempfile::TempDir;

const FLOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/flows/appointment.json");

#[tokio::test]
async fn the_appointment_on_sqlite_holds_against_its_flow_json() {
    let folder = TempDir::new().unwrap();
    let service = ExampleService::start(&binary("rust-appointment"), folder.path(), &[]).await;
    // So few that a busy machine is done with them in time; flowctl's own tests walk further.
    let arguments =
        ["conformance", "--logic", &service.url(), "--flow", FLOW, "--walks", "25", "--seed", "1", "--json"];
    let ran = flowctl(&arguments, folder.path()).await;
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    assert_eq!((ran.status.code(), &report["failed"]), (Some(0), &0.into()), "{report}");
    let nothing = Value::Array(Vec::new());
    assert_eq!(report["walk"]["not_reached"]["screens"], nothing, "{report}");
}
