//! Two replicas, as two processes on one database, race for the same slots: the database's constraints decide.

use std::process::Stdio;

use flow_proto::json::{from_struct, to_struct};
use flow_proto::v1::flow_service_client::FlowServiceClient;
use flow_proto::v1::handle_data_exchange_response::Outcome;
use flow_proto::v1::{Action, HandleDataExchangeRequest};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tonic::transport::{Channel, Endpoint};

use crate::postgres::Postgres;

/// Users at each replica.
const USERS: usize = 8;

#[tokio::test]
async fn on_sqlite() {
    let folder = TempDir::new().unwrap();
    race(&format!("sqlite:{}", folder.path().join("bookings.db").display())).await;
}

#[tokio::test]
async fn on_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    race(&postgres.url()).await;
}

async fn race(database: &str) {
    // Both at once, so that they race for the table too.
    let (one, two) = tokio::join!(Replica::start(database), Replica::start(database));
    let slots = one.free_slots().await;
    for slot in &slots[..5] {
        // Everybody wants the same slot.
        let attempts = [&one, &two].into_iter().flat_map(|replica| {
            (0..USERS).map(|user| replica.book(format!("{user} at {} for {slot}", replica.number), slot.clone()))
        });
        let booked: Vec<_> = at_once(attempts).await.into_iter().filter(|answer| answer.is_booked()).collect();
        assert_eq!(booked.len(), 1, "{slot}");
    }
    for slots in slots[5..].chunks_exact(2).take(5) {
        // One token, two forms, again and again, at both replicas.
        let token = format!("token for {}", slots[0]);
        let attempts = [&one, &two]
            .into_iter()
            .flat_map(|replica| (0..USERS).map(|user| replica.book(token.clone(), slots[user % 2].clone())));
        let answers = at_once(attempts).await;
        let references: Vec<_> = answers.iter().filter_map(Answer::reference).collect();
        assert!(!references.is_empty());
        assert!(references.iter().all(|reference| *reference == references[0]), "{references:?}");
        let refused = answers.iter().filter(|answer| matches!(answer, Answer::TokenUsed)).count();
        assert_eq!(references.len() + refused, answers.len(), "each is booked once or told so: {answers:?}");
    }
}

async fn at_once(attempts: impl Iterator<Item = impl Future<Output = Answer> + Send + 'static>) -> Vec<Answer> {
    let tasks: Vec<_> = attempts.map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

#[derive(Debug)]
enum Answer {
    Booked(String),
    SlotTaken,
    TokenUsed,
}

impl Answer {
    fn is_booked(&self) -> bool {
        self.reference().is_some()
    }

    fn reference(&self) -> Option<&str> {
        match self {
            Self::Booked(reference) => Some(reference),
            Self::SlotTaken | Self::TokenUsed => None,
        }
    }
}

/// The example as a process.
struct Replica {
    number: u32,
    client: FlowServiceClient<Channel>,
    _process: Child,
}

impl Replica {
    async fn start(database: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_rust-appointment"))
            .env("DATABASE_URL", database)
            .env("FLOW_LOGIC_LISTEN", "127.0.0.1:0")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().expect("it listens before it ends");
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            if let Some(address) = event["address"].as_str() {
                break address.to_owned();
            }
        };
        // The rest is read too, lest the process wait for somebody to do so.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { number: process.id().unwrap(), client: FlowServiceClient::new(channel), _process: process }
    }

    /// Every free date and time of one place.
    async fn free_slots(&self) -> Vec<Value> {
        let mut slots = Vec::new();
        let mut chosen = json!({"trigger": "location_selected", "department": "home", "location": "kings_cross"});
        let dates = self.screen("APPOINTMENT", chosen.clone()).await["date"].clone();
        chosen["trigger"] = "date_selected".into();
        for date in dates.as_array().unwrap() {
            chosen["date"] = date["id"].clone();
            let times = self.screen("APPOINTMENT", chosen.clone()).await["time"].clone();
            slots.extend(times.as_array().unwrap().iter().map(|time| json!([date["id"], time["id"]])));
        }
        slots
    }

    async fn screen(&self, screen: &str, data: Value) -> Value {
        match call(self.client.clone(), "", screen, data).await {
            Outcome::NextScreen(next) => from_struct(next.data.unwrap()).into(),
            other => panic!("no screen: {other:?}"),
        }
    }

    fn book(&self, token: String, slot: Value) -> impl Future<Output = Answer> + Send + use<> {
        let client = self.client.clone();
        let form = json!({
            "department": "home", "location": "kings_cross", "date": slot[0], "time": slot[1], "name": token,
            "email": "a@example.com", "phone": "1234567", "terms": true,
        });
        async move {
            match call(client, &token, "SUMMARY", form).await {
                Outcome::Completion(completion) => {
                    let params: Map<_, _> = from_struct(completion.params.unwrap());
                    Answer::Booked(params["reference"].as_str().unwrap().to_owned())
                }
                Outcome::InvalidFlowToken(_) => Answer::TokenUsed,
                Outcome::NextScreen(_) => Answer::SlotTaken,
            }
        }
    }
}

async fn call(mut client: FlowServiceClient<Channel>, token: &str, screen: &str, data: Value) -> Outcome {
    let Value::Object(data) = data else { panic!("data is an object") };
    let request = HandleDataExchangeRequest {
        action: Action::DataExchange.into(),
        screen: screen.to_owned(),
        flow_token: token.to_owned(),
        data: Some(to_struct(data)),
        ..Default::default()
    };
    client.handle_data_exchange(request).await.unwrap().into_inner().outcome.unwrap()
}
