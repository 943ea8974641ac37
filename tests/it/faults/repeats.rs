//! Which calls are repeated at another address of logic, and which are not.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use flow_tests::{Edge, Logic, LogicBuilder, NAME, can_resolve, screen};
use h2::Reason;
use serde_json::json;

use super::peer::{Peer, Step};
use super::{GRPC, half, init};

/// Calls in a row: that all miss one of two addresses, each taken at random, does not happen.
const CALLS: usize = 30;

/// A peer that plays its script, and a good logic beside it under the same name.
struct Pair {
    peer: Peer,
    logic: Logic,
}

impl Pair {
    async fn start(script: Vec<Step>) -> Self {
        let peer = Peer::start_at("127.0.0.2:0".parse().unwrap(), script).await;
        let port = peer.address().port();
        let logic = LogicBuilder::answering(screen("NEXT", json!({})));
        Self { peer, logic: logic.start_at(SocketAddr::from(([127, 0, 0, 3], port))).await }
    }

    async fn edge(&self) -> Edge {
        let port = self.peer.address().port();
        let addresses = [[127, 0, 0, 2], [127, 0, 0, 3]].map(Into::into);
        let mut edge = Edge::before_url(&format!("http://{NAME}:{port}")).resolving(&addresses).start().await;
        for address in addresses {
            edge.wait_for_log(&format!("\"logic serves\",\"address\":\"{address}:{port}\"")).await;
        }
        edge
    }
}

#[tokio::test]
async fn a_call_that_was_not_looked_at_is_repeated_at_another_address() {
    if !can_resolve().await {
        return;
    }
    for script in [
        vec![Step::Reset(Reason::REFUSED_STREAM)],
        vec![Step::GoAwayBefore(Reason::NO_ERROR), Step::Close],
        vec![Step::GoAwayBefore(Reason::ENHANCE_YOUR_CALM), Step::Close],
    ] {
        let pair = Pair::start(script.clone()).await;
        let edge = pair.edge().await;
        for _ in 0..CALLS {
            assert_eq!(edge.client().send(init()).await.status, 200, "{script:?}");
        }
        let refused = pair.peer.calls().load(Ordering::Relaxed);
        assert!(refused > 0, "{script:?}");
        assert_eq!(pair.logic.calls().len(), CALLS, "{script:?}");
        assert_eq!(edge.metric("flow_logic_retries_total").await, refused as u64, "{script:?}");
    }
}

#[tokio::test]
async fn a_call_that_logic_may_have_seen_is_repeated_nowhere() {
    if !can_resolve().await {
        return;
    }
    for script in [
        vec![Step::Close],
        vec![Step::Reset(Reason::CANCEL)],
        vec![Step::Reset(Reason::INTERNAL_ERROR)],
        vec![Step::GoAwayAfter(Reason::NO_ERROR), Step::Close],
        vec![Step::GoAwayAfter(Reason::INTERNAL_ERROR), Step::Close],
        vec![Step::Noise(b"HTTP/1.1 400 Bad Request\r\n\r\n")],
        vec![Step::Head(200, GRPC), Step::Body(half()), Step::Close],
        vec![Step::HeadOnly(200, &[("content-type", "application/grpc"), ("grpc-status", "14")])],
    ] {
        let pair = Pair::start(script.clone()).await;
        let edge = pair.edge().await;
        let mut failed = 0;
        for _ in 0..CALLS {
            let status = edge.client().send(init()).await.status;
            assert!(matches!(status, 200 | 503), "{status} {script:?}");
            failed += usize::from(status == 503);
        }
        let seen = pair.peer.calls().load(Ordering::Relaxed);
        assert!(seen > 0, "{script:?}");
        assert_eq!((failed, pair.logic.calls().len()), (seen, CALLS - seen), "{script:?}");
    }
}

/// A peer that has begun to answer has looked at the call, whatever it says then.
#[tokio::test]
async fn a_call_that_logic_began_to_answer_is_repeated_nowhere() {
    if !can_resolve().await {
        return;
    }
    let script = vec![Step::Head(200, GRPC), Step::Reset(Reason::REFUSED_STREAM)];
    let pair = Pair::start(script).await;
    let edge = pair.edge().await;
    let mut failed = 0;
    for _ in 0..CALLS {
        failed += usize::from(edge.client().send(init()).await.status == 503);
    }
    let seen = pair.peer.calls().load(Ordering::Relaxed);
    assert!(seen > 0);
    assert_eq!((failed, pair.logic.calls().len()), (seen, CALLS - seen));
}
