//! The steps of one request from signed bytes to sealed bytes, each on its own, as `exchange` puts them together.
//!
//! An ordinary request: a form of eight fields, and in turns the answers of the conversation through the appointment's flow, which
//! are held against it: the first screen with one to four lists, then the two after it.
#![allow(clippy::unwrap_used, reason = "a measurement may end where a step fails")]
#![allow(dead_code, reason = "one of the two measurements leaves the RSA operation out")]

use std::cell::Cell;

use bytes::Bytes;
use flow_edge::line::convert::{self, Answer};
use flow_json::{Judge, check};
use flow_proto::json::{AsJson, to_struct};
use flow_proto::v1;
use flow_proto::v1::handle_data_exchange_response::Outcome;
use flow_wire::envelope::{AesKey, Envelope, Session};
use flow_wire::keys::PrivateKey;
use flow_wire::message::{Request, Response};
use flow_wire::signature::{self, AppSecret, Signature, Verified};
use prost::Message as _;
use serde_json::{Value, json};
use zeroize::Zeroizing;

const PRIVATE_KEY: &str = include_str!("../../../tests/vectors/keys/current.pem");
const FLOW: &str = include_str!("../../../examples/flows/appointment.json");
const FIRST: &str = "APPOINTMENT";
const KEY: [u8; 16] = *b"a key of sixteen";
const VECTOR: [u8; 16] = *b"a vector as long";
const FLOW_TOKEN: &str = "0191b3a4-5c6d-7e8f-9a0b-1c2d3e4f5a6b";

/// What an endpoint has and what comes to it.
pub(crate) struct Line {
    secret: AppSecret,
    private_key: PrivateKey,
    body: Bytes,
    signature: String,
    /// The answers of logic as they come from the connection, each with the screen that it answers.
    from_logic: Vec<(&'static str, Bytes)>,
    turn: Cell<usize>,
    judge: Judge,
}

impl Line {
    pub(crate) fn new() -> Self {
        // The same in each run, since making one takes now more, now fewer instructions.
        let private_key = PrivateKey::from_pem(PRIVATE_KEY, None).unwrap();
        let secret = AppSecret::new(b"the secret of an app").unwrap();
        let wrapped = private_key.public_key().wrap_key(&key()).unwrap();
        let message = json!({
            "version": "3.0",
            "action": "data_exchange",
            "screen": FIRST,
            "flow_token": FLOW_TOKEN,
            "data": {
                "department": "beauty", "location": "kings_cross", "date": "2025-02-03", "time": "10:30",
                "name": "Zażółć Gęślą", "email": "user@example.com", "phone": "+44 20 7946 0000", "guests": 3,
            },
        });
        let body = Envelope::seal(&key(), VECTOR, wrapped, message.to_string().into_bytes()).encode();
        let signature = signature::sign(&body, &secret);
        let from_logic = answers().map(|(asked, screen, data)| {
            let data = Some(to_struct(data.as_object().unwrap().clone()));
            let screen = v1::NextScreen { screen: screen.to_owned(), data, error_message: String::new() };
            let answer = v1::HandleDataExchangeResponse { outcome: Some(Outcome::NextScreen(screen)) };
            (asked, Bytes::from(answer.encode_to_vec()))
        });
        let from_logic = from_logic.into();
        let judge = Judge::new(check(FLOW).flow.as_ref());
        Self { secret, private_key, body: body.into(), signature, from_logic, turn: Cell::new(0), judge }
    }

    pub(crate) fn verify(&self) -> Verified {
        let signature = Signature::parse(Some(self.signature.as_bytes())).unwrap();
        let (verified, _) = signature::verify(self.body.clone(), &signature, [&self.secret]).unwrap();
        verified
    }

    pub(crate) fn parse(verified: Verified) -> Envelope {
        Envelope::parse(verified).unwrap()
    }

    /// The RSA operation.
    pub(crate) fn unwrap(&self, envelope: &Envelope) -> AesKey {
        self.private_key.unwrap_key(envelope).unwrap()
    }

    pub(crate) fn open(envelope: Envelope, key: AesKey) -> (Zeroizing<Vec<u8>>, Session) {
        envelope.open(key).unwrap()
    }

    pub(crate) fn decode(plaintext: &[u8]) -> Request {
        Request::decode(plaintext).unwrap()
    }

    /// To the bytes that go to logic.
    pub(crate) fn to_logic(request: Request) -> Vec<u8> {
        let Request::DataExchange(exchange) = request else { return Vec::new() };
        convert::data_exchange_to_v1(exchange, false, "appointments", "0191b3a4-5c6d-7e8f-9a0b-000000000000")
            .encode_to_vec()
    }

    /// The next answer, and the screen that it answers.
    pub(crate) fn read_answer(&self) -> (&'static str, Answer) {
        let turn = self.turn.replace(self.turn.get() + 1);
        let (asked, answer) = &self.from_logic[turn % self.from_logic.len()];
        let answer = v1::HandleDataExchangeResponse::decode(answer.clone()).unwrap();
        (asked, convert::from_v1(answer, FLOW_TOKEN).unwrap())
    }

    /// How many verdicts there are.
    pub(crate) fn judge(&self, asked: &str, answer: &Answer) -> usize {
        let Response::Screen { screen, data: AsJson(data) } = answer else { return 0 };
        let request = flow_json::Request { action: flow_json::Action::DataExchange, screen: asked };
        self.judge.judge(&request, &flow_json::Answer { screen, data }).len()
    }

    pub(crate) fn encode(response: Answer) -> Vec<u8> {
        response.encode()
    }

    pub(crate) fn seal(session: Session, plaintext: Vec<u8>) -> String {
        session.seal(plaintext)
    }

    /// Everything but the RSA operation.
    pub(crate) fn all_but_rsa(&self) -> String {
        let envelope = Self::parse(self.verify());
        let (plaintext, session) = Self::open(envelope, key());
        std::hint::black_box(Self::to_logic(Self::decode(&plaintext)));
        let (asked, answer) = self.read_answer();
        assert_eq!(self.judge(asked, &answer), 0, "the answer fits the screens");
        Self::seal(session, Self::encode(answer))
    }
}

/// The key that the request was sealed under.
pub(crate) fn key() -> AesKey {
    AesKey::new(&KEY).unwrap()
}

/// Screen that is answered, next screen and its data.
fn answers() -> [(&'static str, &'static str, Value); 6] {
    let lists = |[department, location, date, time]: [u32; 4]| {
        let item = |number: u32| json!({ "id": format!("item-{number}"), "title": format!("The title of {number}") });
        let list = |count: u32| (0..count).map(item).collect::<Value>();
        json!({
            "department": list(department), "location": list(location), "date": list(date), "time": list(time),
            "is_location_enabled": location > 0, "is_date_enabled": date > 0, "is_time_enabled": time > 0,
        })
    };
    let chosen = json!({ "department": "beauty", "location": "kings_cross", "date": "2025-02-03", "time": "10:30" });
    let mut summary = chosen.clone();
    for (key, value) in [
        ("appointment", "Beauty & Personal Care at King's Cross\nMon 3 Feb 2025 at 10:30"),
        ("details", "Name: Ada Lovelace\nEmail: ada@example.com\nPhone: +44 20 7946 0000"),
        ("name", "Ada Lovelace"),
        ("email", "ada@example.com"),
        ("phone", "+44 20 7946 0000"),
        ("more_details", "A walk-in, please"),
    ] {
        summary[key] = value.into();
    }
    [
        (FIRST, FIRST, lists([3, 0, 0, 0])),
        (FIRST, FIRST, lists([3, 3, 0, 0])),
        (FIRST, FIRST, lists([3, 3, 5, 0])),
        (FIRST, FIRST, lists([3, 3, 5, 5])),
        (FIRST, "DETAILS", chosen),
        ("DETAILS", "SUMMARY", summary),
    ]
}
