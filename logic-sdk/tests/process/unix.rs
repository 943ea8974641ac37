//! A Unix socket instead of a port.

use crate::{SERVING, client, exchange_request, listening, serve_here, spawn, terminate};
use flow_logic_sdk::LISTEN_VARIABLE;
use hyper_util::rt::TokioIo;
use std::env;
use std::path::PathBuf;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::process::Child;
use tonic::transport::{Channel, Endpoint};

async fn connect(path: PathBuf) -> Channel {
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://logic").connect_with_connector(connector).await.unwrap()
}

/// One call that is answered.
async fn call(child: &mut Child, path: PathBuf) {
    let mut client = client(connect(path).await);
    child.stdin.as_mut().unwrap().write_all(b"answer\n").await.unwrap();
    client.handle_data_exchange(exchange_request("ORDER")).await.unwrap();
}

#[tokio::test]
async fn a_socket_is_served_and_gone_after_the_stop() {
    if env::var_os(SERVING).is_some() {
        return serve_here().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logic.sock");
    let listen = format!("unix://{}", path.display());
    let mut child = spawn("unix::a_socket_is_served_and_gone_after_the_stop", &listen);
    let (_log, address) = listening(&mut child).await;
    assert_eq!(address, listen);
    call(&mut child, path.clone()).await;
    terminate(&child).await;
    assert!(child.wait().await.unwrap().success());
    assert!(!path.exists());
}

#[tokio::test]
async fn who_was_killed_is_replaced_and_who_lives_is_not() {
    if env::var_os(SERVING).is_some() {
        return serve_here().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logic.sock");
    let listen = format!("unix://{}", path.display());
    let test = "unix::who_was_killed_is_replaced_and_who_lives_is_not";
    let mut first = spawn(test, &listen);
    let (_log, _) = listening(&mut first).await;

    let output = spawn(test, &listen).wait_with_output().await.unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains(&format!("another process listens on {listen}; end it, or have {LISTEN_VARIABLE}")),
        "{text}"
    );
    call(&mut first, path.clone()).await;

    first.kill().await.unwrap();
    assert!(path.exists(), "what a killed process leaves");
    let mut second = spawn(test, &listen);
    let (_log, _) = listening(&mut second).await;
    call(&mut second, path).await;
}
