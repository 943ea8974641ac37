//! The end of a busy edge.

use flow_tests::{Client, Edge, Load, PATIENCE, Record};

use super::{any_logic, machine};

/// What became of the requests of clients that were busy when the edge was told to stop.
async fn stopped_under(clients: impl Fn(&Edge) -> Vec<Client>) -> Record {
    let _machine = machine().await;
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    let load = Load::start(clients(&edge));
    load.rounds(10).await;
    let finished = edge.stop().await;
    let record = load.end().await;
    assert_eq!(finished.status.code(), Some(0));
    assert_eq!((record.statuses.keys().collect::<Vec<_>>(), record.unopened), (vec![&200], 0));
    // What the edge took up it answered, and the answer arrived.
    let begun = finished.log.iter().filter(|line| line.contains("\"message\":\"request\"")).count();
    assert_eq!(begun, record.latencies.len(), "{:#?}", record.broken);
    record
}

#[tokio::test]
async fn sigterm_breaks_no_request_of_busy_http_2_clients() {
    let record = stopped_under(|edge| (0..8).map(|_| edge.client()).collect()).await;
    assert_eq!(record.broken, Vec::<String>::new());
}

#[tokio::test]
async fn sigterm_cuts_off_no_http_1_1_request_that_the_edge_has_read() {
    lost_unread(stopped_under(|edge| (0..8).map(|_| edge.client().http1(edge)).collect()).await);
}

#[tokio::test]
async fn sigterm_cuts_off_no_request_on_a_new_connection_that_the_edge_has_read() {
    let new_each_time = |edge: &Edge| {
        let certificate = reqwest::Certificate::from_pem(edge.certificate().as_bytes()).unwrap();
        let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().tls_certs_only([certificate]);
        edge.client().over(http.pool_max_idle_per_host(0).http1_only().build().unwrap())
    };
    lost_unread(stopped_under(|edge| (0..8).map(|_| new_each_time(edge)).collect()).await);
}

/// HTTP/1.1 has no farewell. A request that is on its way while the edge closes the connection is lost unread, which a client can
/// only see as no answer at all: at most the one request that each client has under way.
fn lost_unread(record: Record) {
    assert!(record.broken.len() <= 8, "{:#?}", record.broken);
    for reason in record.broken {
        assert!(reason.contains("client error (SendRequest)"), "no byte of an answer came: {reason}");
    }
}
