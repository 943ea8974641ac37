//! The end of a busy edge.

use flow_tests::{Client, Edge, Load, PATIENCE, Record};

use super::{any_logic, machine};

/// What became of the requests of clients that were busy when the edge was told to stop.
async fn stopped_under(clients: impl Fn(&Edge) -> Vec<Client>) -> Record {
    let _machine = machine().await;
    let logic = any_logic().await;
    let edge = Edge::before(&logic).quiet().start().await;
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
async fn sigterm_breaks_no_http_1_1_request() {
    let record = stopped_under(|edge| (0..8).map(|_| edge.client().http1(edge)).collect()).await;
    assert_eq!(record.broken, Vec::<String>::new());
}

#[tokio::test]
async fn sigterm_breaks_no_request_on_a_new_connection() {
    let new_each_time = |edge: &Edge| {
        let certificate = reqwest::Certificate::from_pem(edge.certificate().as_bytes()).unwrap();
        let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().tls_certs_only([certificate]);
        edge.client().over(http.pool_max_idle_per_host(0).http1_only().build().unwrap())
    };
    let record = stopped_under(|edge| (0..8).map(|_| new_each_time(edge)).collect()).await;
    assert_eq!(record.broken, Vec::<String>::new());
}
