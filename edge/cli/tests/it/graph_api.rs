//! A stand-in for the Graph API: it keeps the key of each phone number, asks for the token, and answers otherwise where it is
//! told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri, header};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Barrier;

/// The token that the stand-in takes.
pub(crate) const TOKEN: &str = "EAAGm0PX4ZCpsBAKZCstandin7ZBoken";

/// A running stand-in.
pub(crate) struct GraphApi {
    pub(crate) url: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    told: Mutex<HashMap<(Method, String), (u16, String)>>,
    keys: Mutex<HashMap<String, String>>,
    requests: Mutex<Vec<String>>,
    in_flight: Mutex<InFlight>,
    meet: Mutex<Option<Arc<Barrier>>>,
}

#[derive(Default, Clone, Copy)]
struct InFlight {
    now: usize,
    most: usize,
}

impl GraphApi {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/v23.0", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        runtime.spawn(async { axum::serve(listener, router).await });
        Self { url, shared, _runtime: runtime }
    }

    /// Answers a number like this from now on.
    pub(crate) fn tell(&self, method: Method, number: &str, status: u16, body: impl ToString) {
        self.shared.told.lock().unwrap().insert((method, number.to_owned()), (status, body.to_string()));
    }

    /// Answers nobody before so many requests are there.
    pub(crate) fn wait_for(&self, requests: usize) {
        *self.shared.meet.lock().unwrap() = Some(Arc::new(Barrier::new(requests)));
    }

    /// Puts a key there.
    pub(crate) fn keep(&self, number: &str, pem: &str) {
        self.shared.keys.lock().unwrap().insert(number.to_owned(), pem.to_owned());
    }

    /// The key that was put or uploaded there.
    pub(crate) fn key(&self, number: &str) -> Option<String> {
        self.shared.keys.lock().unwrap().get(number).cloned()
    }

    /// Everything that came, as `METHOD PATH\nBODY`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many requests were there at the same time.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.shared.in_flight.lock().unwrap().most
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let body = String::from_utf8(body.to_vec()).unwrap();
    shared.requests.lock().unwrap().push(format!("{method} {uri}\n{body}"));
    {
        let mut in_flight = shared.in_flight.lock().unwrap();
        in_flight.now += 1;
        in_flight.most = in_flight.most.max(in_flight.now);
    }
    let meet = shared.meet.lock().unwrap().clone();
    if let Some(meet) = meet {
        meet.wait().await;
        // One request too many gets the time to be seen.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    }
    let (status, body) = decide(&shared, &method, uri.path(), &headers, &body);
    shared.in_flight.lock().unwrap().now -= 1;
    let mut response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    if (300..400).contains(&status) {
        response = response.header(header::LOCATION, "/v23.0/elsewhere");
    }
    response.body(body.into()).unwrap()
}

fn decide(shared: &Shared, method: &Method, path: &str, headers: &HeaderMap, body: &str) -> (u16, String) {
    let number = path.strip_prefix("/v23.0/").and_then(|rest| rest.strip_suffix("/whatsapp_business_encryption"));
    let Some(number) = number.filter(|number| !number.contains('/')) else {
        return refuse(404, 2500, "Unknown path components");
    };
    if let Some(told) = shared.told.lock().unwrap().get(&(method.clone(), number.to_owned())) {
        return told.clone();
    }
    if headers.get("authorization").is_none_or(|header| header != &format!("Bearer {TOKEN}")) {
        return refuse(401, 190, "Invalid OAuth access token - Cannot parse access token");
    }
    let mut keys = shared.keys.lock().unwrap();
    if method == Method::GET {
        let entry = |pem: &String| json!({"business_public_key": pem, "business_public_key_signature_status": "VALID"});
        let entries: Vec<Value> = keys.get(number).map(entry).into_iter().collect();
        return (200, json!({"data": entries}).to_string());
    }
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let form = Url::parse(&format!("http://form/?{body}")).unwrap();
    let fields: Vec<_> = form.query_pairs().collect();
    assert!(fields.len() == 1 && fields[0].0 == "business_public_key", "{fields:?}");
    keys.insert(number.to_owned(), fields[0].1.clone().into_owned());
    (200, json!({"success": true}).to_string())
}

fn refuse(status: u16, code: i64, message: &str) -> (u16, String) {
    (status, refusal(code, message).to_string())
}

/// An error as the Graph API words it.
pub(crate) fn refusal(code: i64, message: &str) -> Value {
    json!({"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "AbC1d2E3"}})
}
