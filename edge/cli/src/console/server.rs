//! Serves a console on loopback, to whoever has its key and comes from its own page.
//!
//! It refuses to know what a move does and how a phone is drawn.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Json, Path, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use flow_json::{Finding, Flow};
use futures_util::stream::{self, Stream, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, broadcast};
use uuid::Uuid;

use super::copy;
use super::draw::{self, Face, Page};
use super::moves::Move;
use super::session::{Session, Shown};

/// All that the page may load is its own.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
/// Whoever listens later than so many events reads the timeline anew.
const EVENTS: usize = 256;

/// A console that is served.
#[derive(Debug)]
pub(crate) struct Console {
    session: Mutex<Session>,
    events: broadcast::Sender<Told>,
    file: RwLock<Arc<File>>,
    place: Place,
    key: String,
    address: SocketAddr,
}

/// What a console stands for, as its commands and titles name it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) flow_name: String,
    /// Where logic listens, for grpcurl.
    pub(crate) logic: String,
    /// The file that the endpoint's certificate is in, for curl.
    pub(crate) certificate: PathBuf,
    /// Each exchange is printed as a line of JSON.
    pub(crate) prints: bool,
}

/// The Flow JSON as it is, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) text: String,
    pub(crate) findings: Vec<Finding>,
}

/// What listeners are told.
#[derive(Debug, Clone)]
enum Told {
    Exchange(Box<Value>),
    Phone,
    Flow,
}

impl Console {
    /// Binds a free port of loopback, and serves until the process ends.
    pub(crate) async fn start(session: Session, file: File, place: Place) -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let console = Arc::new(Self {
            session: Mutex::new(session),
            events: broadcast::Sender::new(EVENTS),
            file: RwLock::new(Arc::new(file)),
            place,
            key: Uuid::new_v4().simple().to_string(),
            address,
        });
        let app = Router::new()
            .route("/", get(page))
            .route("/style.css", get(|| text("text/css", include_str!("style.css"))))
            .route("/script.js", get(|| text("text/javascript", include_str!("script.js"))))
            .route("/phone", get(phone))
            .route("/findings", get(findings_of))
            .route("/act", post(act))
            .route("/events", get(events))
            .route("/timeline.json", get(timeline))
            .route("/script.yaml", get(script))
            .route("/exchanges/{number}", get(selected))
            .route("/exchanges/{number}/entry", get(entry))
            .route("/exchanges/{number}/detail", get(detail))
            .route("/exchanges/{number}/json", get(exchange))
            .route("/exchanges/{number}/copy/{what}", get(copied))
            .layer(middleware::from_fn_with_state(Arc::clone(&console), guard))
            .with_state(Arc::clone(&console));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(console)
    }

    /// The address, with the key in it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/?key={}", self.address, self.key)
    }

    pub(crate) fn prints(&self) -> bool {
        self.place.prints
    }

    /// Does what the user does, and tells all who listen.
    pub(crate) async fn act(&self, what: Move) -> Value {
        let mut session = self.session.lock().await;
        let numbers = session.act(what).await;
        for number in &numbers {
            let Some(exchange) = session.timeline.get(*number) else { continue };
            let exchange = exchange.to_json();
            if self.place.prints {
                // A reader that has gone away is no reason to stop.
                let _ = writeln!(io::stdout().lock(), "{exchange}");
            }
            // Nobody may listen.
            let _ = self.events.send(Told::Exchange(Box::new(exchange)));
        }
        let _ = self.events.send(Told::Phone);
        let Shown { view, refused, .. } = session.shown();
        json!({ "exchanges": numbers, "screen": view.map(|view| view.screen), "refused": refused })
    }

    /// Takes over a changed file, or what is wrong with it.
    pub(crate) async fn renew(&self, flow: Option<Arc<Flow>>, file: File) {
        *self.file.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(file);
        if let Some(flow) = flow {
            self.session.lock().await.renew(flow);
        }
        let _ = self.events.send(Told::Flow);
    }

    fn cookie(&self) -> String {
        // Cookies know no ports, and two consoles may run.
        format!("flow-console-{}", self.address.port())
    }

    fn file(&self) -> Arc<File> {
        Arc::clone(&self.file.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn draw(&self, selected: Option<usize>) -> Response {
        let session = self.session.lock().await;
        let selected = match selected {
            None => None,
            Some(number) => match session.timeline.get(number) {
                Some(exchange) => Some(exchange),
                None => return StatusCode::NOT_FOUND.into_response(),
            },
        };
        let (shown, file) = (session.shown(), self.file());
        let screens: Vec<String> = session.flow().screens.iter().map(|screen| screen.id.text.clone()).collect();
        let page = draw::page(&Page {
            flow_name: &self.place.flow_name,
            screens: &screens,
            face: face(&shown),
            exchanges: session.timeline.exchanges(),
            findings: &file.findings,
            file_text: Some(&file.text),
            selected,
        });
        Html(page.into_string()).into_response()
    }
}

fn face(shown: &Shown) -> Face<'_> {
    Face {
        view: shown.view.as_ref(),
        ending: shown.ending.as_ref(),
        // What the user cannot do is said beside the phone; where there is no phone yet, that is why.
        failure: shown.failure.as_deref().or(shown.refused.as_deref().filter(|_| shown.view.is_none())),
        opened: shown.opened.as_deref(),
        is_closed: shown.is_closed,
    }
}

type App = State<Arc<Console>>;

/// Whoever has no key, or comes from another page, gets nothing.
async fn guard(State(console): App, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let host = console.address.to_string();
    // A name that somebody else had point here is another host.
    let is_own_host = text(HOST).is_some_and(|named| named == host);
    let is_own_page = text(ORIGIN).is_none_or(|origin| origin == format!("http://{host}"));
    let query = request.uri().query().unwrap_or_default();
    let of_query = query.split('&').find_map(|pair| pair.strip_prefix("key="));
    let of_cookie = cookie(headers, &console.cookie());
    let given = of_query.or(of_cookie.as_deref()).unwrap_or_default();
    let is_known = aws_lc_rs::constant_time::verify_slices_are_equal(given.as_bytes(), console.key.as_bytes()).is_ok();
    if !is_own_host || !is_own_page || !is_known {
        return (StatusCode::FORBIDDEN, "the console's address has a key, which flowctl dev prints\n").into_response();
    }
    // The key leaves the address as soon as the browser has it otherwise.
    let mut response = if of_query.is_some() && request.uri().path() == "/" {
        let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", console.cookie(), console.key);
        (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie), (LOCATION, "/".to_owned())]).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|it| it.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    values.next().map(str::to_owned)
}

async fn text(kind: &'static str, content: &'static str) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(kind))], content).into_response()
}

async fn page(State(console): App) -> Response {
    console.draw(None).await
}

async fn selected(State(console): App, Path(number): Path<usize>) -> Response {
    console.draw(Some(number)).await
}

async fn phone(State(console): App) -> Html<String> {
    let shown = console.session.lock().await.shown();
    Html(draw::phone(&face(&shown)).into_string())
}

async fn findings_of(State(console): App) -> Html<String> {
    let file = console.file();
    Html(draw::findings(&file.findings, Some(&file.text)).into_string())
}

async fn act(State(console): App, Json(what): Json<Move>) -> Json<Value> {
    // A page that is closed meanwhile takes nothing back.
    let acting = tokio::spawn(async move { console.act(what).await });
    Json(acting.await.unwrap_or_else(|error| json!({ "exchanges": [], "refused": error.to_string() })))
}

async fn timeline(State(console): App) -> Json<Value> {
    let session = console.session.lock().await;
    Json(session.timeline.exchanges().iter().map(super::timeline::Exchange::to_json).collect())
}

async fn entry(State(console): App, Path(number): Path<usize>) -> Response {
    let session = console.session.lock().await;
    match session.timeline.get(number) {
        Some(exchange) => Html(draw::entry(exchange).into_string()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn detail(State(console): App, Path(number): Path<usize>) -> Response {
    let session = console.session.lock().await;
    match session.timeline.get(number) {
        Some(exchange) => Html(draw::detail(exchange).into_string()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn exchange(State(console): App, Path(number): Path<usize>) -> Response {
    let session = console.session.lock().await;
    match session.timeline.get(number) {
        Some(exchange) => Json(exchange.to_json()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn copied(State(console): App, Path((number, what)): Path<(usize, String)>) -> Response {
    let session = console.session.lock().await;
    let Some(exchange) = session.timeline.get(number) else { return StatusCode::NOT_FOUND.into_response() };
    let command = match what.as_str() {
        "simulate" => Ok(copy::simulate(exchange)),
        "grpcurl" => Ok(copy::grpcurl(exchange, &console.place.logic)),
        "curl" => session.line().curl(&exchange.request, &console.place.certificate),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    match command {
        Ok(command) => command.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn script(State(console): App) -> Response {
    let session = console.session.lock().await;
    let script = copy::script(&console.place.flow_name, &session.conversation());
    ([(CONTENT_TYPE, HeaderValue::from_static("application/yaml"))], Body::from(script)).into_response()
}

/// `exchange` with its JSON, `phone` and `flow` where these changed. A page that was drawn before, or whose connection broke off,
/// names the last exchange that it has, and is told first what came since.
async fn events(State(console): App, request: Request) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let after = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
    let after = after.or_else(|| request.uri().query()?.split('&').find_map(|pair| pair.strip_prefix("after=")));
    let after: Option<usize> = after.and_then(|after| after.parse().ok());
    let session = console.session.lock().await;
    let told = console.events.subscribe();
    let exchanges = session.timeline.exchanges().iter();
    let missed = exchanges.filter(|exchange| after.is_some_and(|after| exchange.number > after));
    let mut missed: Vec<_> = missed.map(|exchange| of_exchange(&exchange.to_json())).collect();
    missed.push(Event::default().event("phone").data("{}"));
    drop(session);
    let told = stream::unfold(told, |mut told| async move {
        let event = match told.recv().await {
            Ok(Told::Exchange(exchange)) => of_exchange(&exchange),
            Ok(Told::Phone) => Event::default().event("phone").data("{}"),
            Ok(Told::Flow) => Event::default().event("flow").data("{}"),
            // What was missed is in the timeline.
            Err(broadcast::error::RecvError::Lagged(_)) => Event::default().event("reload").data("{}"),
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        Some((Ok(event), told))
    });
    Sse::new(stream::iter(missed.into_iter().map(Ok)).chain(told)).keep_alive(KeepAlive::default())
}

fn of_exchange(exchange: &Value) -> Event {
    Event::default().event("exchange").id(exchange["number"].to_string()).data(exchange.to_string())
}
