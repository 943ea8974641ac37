//! The steps of one request from signed bytes to sealed bytes, each on its own, as `exchange` puts them together.
//!
//! An ordinary request: a form of eight fields, answered with a screen that has three short lists.
#![allow(clippy::unwrap_used, reason = "a measurement may end where a step fails")]
#![allow(dead_code, reason = "one of the two measurements leaves the RSA operation out")]

use bytes::Bytes;
use flow_edge::line::convert::{self, Answer};
use flow_proto::json::to_struct;
use flow_proto::v1;
use flow_proto::v1::handle_data_exchange_response::Outcome;
use flow_wire::envelope::{AesKey, Envelope, Session};
use flow_wire::keys::PrivateKey;
use flow_wire::message::Request;
use flow_wire::signature::{self, AppSecret, Signature, Verified};
use prost::Message as _;
use serde_json::{Value, json};
use zeroize::Zeroizing;

const PRIVATE_KEY: &str = include_str!("../../../tests/vectors/keys/current.pem");
const KEY: [u8; 16] = *b"a key of sixteen";
const VECTOR: [u8; 16] = *b"a vector as long";
const FLOW_TOKEN: &str = "0191b3a4-5c6d-7e8f-9a0b-1c2d3e4f5a6b";

/// What an endpoint has and what comes to it.
pub(crate) struct Line {
    secret: AppSecret,
    private_key: PrivateKey,
    body: Bytes,
    signature: String,
    /// The answer of logic as it comes from the connection.
    from_logic: Bytes,
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
            "screen": "DETAILS",
            "flow_token": FLOW_TOKEN,
            "data": {
                "department": "beauty", "location": "kings_cross", "date": "2025-02-03", "time": "10:30",
                "name": "Zażółć Gęślą", "email": "user@example.com", "phone": "+44 20 7946 0000", "guests": 3,
            },
        });
        let body = Envelope::seal(&key(), VECTOR, wrapped, message.to_string().into_bytes()).encode();
        let signature = signature::sign(&body, &secret);
        let item =
            |number: u32| json!({ "id": format!("item-{number}"), "title": format!("Item {number}"), "enabled": true });
        let items = |count: u32| Value::Array((0..count).map(item).collect());
        let data = json!({ "departments": items(6), "dates": items(10), "times": items(8), "is_date_enabled": true });
        let data = Some(to_struct(data.as_object().unwrap().clone()));
        let screen = v1::NextScreen { screen: "SUMMARY".to_owned(), data, error_message: String::new() };
        let answer = v1::HandleDataExchangeResponse { outcome: Some(Outcome::NextScreen(screen)) };
        Self { secret, private_key, body: body.into(), signature, from_logic: answer.encode_to_vec().into() }
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

    pub(crate) fn read_answer(&self) -> Answer {
        let answer = v1::HandleDataExchangeResponse::decode(self.from_logic.clone()).unwrap();
        convert::from_v1(answer, FLOW_TOKEN).unwrap()
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
        Self::seal(session, Self::encode(self.read_answer()))
    }
}

/// The key that the request was sealed under.
pub(crate) fn key() -> AesKey {
    AesKey::new(&KEY).unwrap()
}
