//! Programs of others that tests hold ours against.

use std::env;
use std::process::Stdio;

use tokio::process::Command;

/// Whether a program is there, told by a command that then succeeds. Where it is not the test says so and passes, but with
/// `CI=true` that is a failure.
pub async fn is_there(check: &[&str]) -> bool {
    let (program, arguments) = check.split_first().unwrap();
    let check_passes = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    let there = check_passes.is_ok_and(|status| status.success());
    if !there {
        let missing = format!("`{}` fails, so what it should prove is not tested", check.join(" "));
        assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
        eprintln!("{missing}");
    }
    there
}
