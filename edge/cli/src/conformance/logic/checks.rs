//! What every FlowService must keep, whatever its flow.

use std::time::{Duration, Instant};

use flow_proto::v1;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::KeyAndValueRef;
use tonic::{Code, Request, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::service::Service;
use crate::call::{CallError, Connection, DEADLINE, describe, fresh_request_id, name, to_v1, with_metadata, within};
use crate::client::{self, Object, fresh_flow_token};
use crate::conformance::outcome::{Failure, Outcome};

const SERVICE: &str = "flow.v1.FlowService";

pub(super) async fn ping(service: &Service) -> Result<(), Failure> {
    Ok(service.connect().await?.ping(&service.endpoint).await?)
}

pub(super) async fn health(service: &Service) -> Result<(), Failure> {
    let connection = service.connect().await?;
    let mut client = HealthClient::with_origin(connection.clone(), connection.origin());
    let response = within(client.check(HealthCheckRequest::default())).await?.into_inner();
    match response.status() {
        ServingStatus::Serving => Ok(()),
        other => Err(Failure::came(other.as_str_name())),
    }
}

/// The two editions of reflection; their messages are the same.
const REFLECTION: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Reflection is a convenience: a service without it is warned, one that lists the wrong names fails.
pub(super) async fn reflection(service: &Service) -> Result<Outcome, Failure> {
    let connection = service.connect().await?;
    for path in REFLECTION {
        return match list_services(&connection, path).await {
            Ok(Some(names)) if names.iter().any(|name| name == SERVICE) => Ok(Outcome::Passed),
            Ok(Some(names)) => Err(Failure::came(format!("a list without it: {}", names.join(", ")))),
            Ok(None) => Err(Failure::came("no list of services")),
            Err(CallError::Status(status)) if status.code() == Code::Unimplemented => continue,
            Err(error) => Err(error.into()),
        };
    }
    Ok(Outcome::Warned("there is neither grpc.reflection.v1 nor v1alpha".to_owned()))
}

/// What reflection lists; `None` where it answers with something else.
async fn list_services(connection: &Connection, path: &'static str) -> Result<Option<Vec<String>>, CallError> {
    let ask = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
    let codec = ProstCodec::<ServerReflectionRequest, ServerReflectionResponse>::default();
    let mut client = Grpc::with_origin(connection.clone(), connection.origin());
    let answer = within(async {
        client.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
        let answers = client.streaming(Request::new(once(request)), PathAndQuery::from_static(path), codec).await?;
        answers.into_inner().message().await
    });
    Ok(match answer.await?.and_then(|answer| answer.message_response) {
        Some(MessageResponse::ListServicesResponse(list)) => {
            Some(list.service.into_iter().map(|service| service.name).collect())
        }
        _ => None,
    })
}

fn once<T: Send + 'static>(request: T) -> impl futures_util::Stream<Item = T> + Send + 'static {
    futures_util::stream::once(std::future::ready(request))
}

pub(super) async fn unknown_method(service: &Service, with: &Value) -> Result<(), Failure> {
    let path = with["path"].as_str().unwrap_or_default().to_owned();
    match raw::<_, v1::PingResponse>(&service.connect().await?, &path, v1::PingRequest::default()).await {
        Err(CallError::Status(status)) if status.code() == Code::Unimplemented => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err(Failure::came("status OK")),
    }
}

pub(super) async fn concurrent_calls(service: &Service, with: &Value) -> Result<(), Failure> {
    let connection = service.connect().await?;
    let calls = with["calls"].as_u64().unwrap_or_default();
    let call = async |number: u64| {
        if number.is_multiple_of(2) {
            connection.ping(&service.endpoint).await
        } else {
            answered(&connection, service, &object(json!({ "action": "INIT" }))).await
        }
    };
    let refusals: Vec<_> = join_all((0..calls).map(call)).await.into_iter().filter_map(Result::err).collect();
    let introduction = format!("{} of {calls} calls without an answer:", refusals.len());
    match refusals.into_iter().next() {
        None => Ok(()),
        Some(first) => Err(Failure::of_call(first, &introduction)),
    }
}

pub(super) async fn unknown_fields(service: &Service) -> Result<(), Failure> {
    /// PingRequest as a later edition of the contract may have it.
    #[derive(Clone, PartialEq, prost::Message)]
    struct LaterPingRequest {
        #[prost(string, tag = "1")]
        endpoint: String,
        #[prost(string, tag = "2")]
        request_id: String,
        #[prost(string, tag = "1000")]
        unknown: String,
        #[prost(fixed64, tag = "1001")]
        number: u64,
    }
    /// HandleDataExchangeRequest likewise.
    #[derive(Clone, PartialEq, prost::Message)]
    struct LaterRequest {
        #[prost(string, tag = "1")]
        endpoint: String,
        #[prost(string, tag = "2")]
        request_id: String,
        #[prost(int32, tag = "4")]
        action: i32,
        #[prost(string, tag = "7")]
        flow_token: String,
        #[prost(string, tag = "1000")]
        unknown: String,
    }
    let connection = service.connect().await?;
    let endpoint = service.endpoint.clone();
    let unknown = "of a later edition".to_owned();
    let ping = LaterPingRequest {
        endpoint: endpoint.clone(),
        request_id: fresh_request_id(),
        unknown: unknown.clone(),
        number: 42,
    };
    raw::<_, v1::PingResponse>(&connection, "/flow.v1.FlowService/Ping", ping).await?;
    let mut later = LaterRequest {
        endpoint,
        request_id: fresh_request_id(),
        action: v1::Action::Init.into(),
        flow_token: fresh_flow_token(),
        unknown: String::new(),
    };
    let path = "/flow.v1.FlowService/HandleDataExchange";
    let without = code(raw::<_, v1::HandleDataExchangeResponse>(&connection, path, later.clone()).await)?;
    later.unknown = unknown;
    let answer = code(raw::<_, v1::HandleDataExchangeResponse>(&connection, path, later).await)?;
    if answer == without {
        return Ok(());
    }
    Err(Failure::new(format!("status {}", name(answer)), format!("status {}, as without them", name(without))))
}

pub(super) async fn handle_error(service: &Service, with: &Value) -> Result<(), Failure> {
    let connection = service.connect().await?;
    for key in with["keys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let notification = v1::HandleErrorRequest {
            endpoint: service.endpoint.clone(),
            request_id: fresh_request_id(),
            version: "4.0".to_owned(),
            action: v1::Action::Navigate.into(),
            screen: "CONFORMANCE_NO_SUCH_SCREEN".to_owned(),
            flow_token: fresh_flow_token(),
            error: key.to_owned(),
            error_message: "a report of the conformance suite".to_owned(),
        };
        let answer = connection.handle_error(notification).await;
        answer.map_err(|error| Failure::of_call(error, &format!("for the key \"{key}\"")))?;
    }
    Ok(())
}

/// Each request has an answer that the service gave, even if it is a failure.
pub(super) async fn borne(service: &Service, with: &Value) -> Result<(), Failure> {
    let connection = service.connect().await?;
    for request in with["requests"].as_array().into_iter().flatten() {
        answered(&connection, service, &object(request.clone())).await?;
    }
    still_serves(&connection, service).await
}

pub(super) async fn large_data(service: &Service, with: &Value) -> Result<(), Failure> {
    let bytes = usize::try_from(with["bytes"].as_u64().unwrap_or_default()).unwrap_or_default();
    let data = json!({ "text": "x".repeat(bytes) });
    bear(service, data).await
}

pub(super) async fn deep_data(service: &Service, with: &Value) -> Result<(), Failure> {
    let levels = with["levels"].as_u64().unwrap_or_default();
    let data = (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
    bear(service, data).await
}

async fn bear(service: &Service, data: Value) -> Result<(), Failure> {
    let connection = service.connect().await?;
    let request = json!({ "action": "data_exchange", "screen": "CONFORMANCE_NO_SUCH_SCREEN", "data": data });
    answered(&connection, service, &object(request)).await?;
    still_serves(&connection, service).await
}

pub(super) async fn malformed_message(service: &Service) -> Result<(), Failure> {
    /// A string where the contract has a message, which begins with no tag of protobuf's.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Malformed {
        #[prost(bytes = "vec", tag = "6")]
        data: Vec<u8>,
    }
    let connection = service.connect().await?;
    let path = "/flow.v1.FlowService/HandleDataExchange";
    let answer = raw::<_, v1::HandleDataExchangeResponse>(&connection, path, Malformed { data: vec![0xff; 8] }).await;
    if code(answer)? == Code::Ok {
        return Err(Failure::came("status OK"));
    }
    still_serves(&connection, service).await
}

/// Whatever the service says to these, it does not quote the canary, nor what else is in a canary's place.
pub(super) async fn canary(service: &Service, with: &Value, canary: &str) -> Result<(), Failure> {
    let connection = service.connect().await?;
    for request in with["requests"].as_array().into_iter().flatten() {
        let message = complete(&object(request.clone()));
        let metadata = match to_v1(&message, &service.endpoint) {
            Some(request) => {
                let request_id = request.request_id.clone();
                match connection.data_exchange(with_metadata(request, &request_id, DEADLINE)).await {
                    Ok(response) => Ok(response.metadata().clone()),
                    Err(error) => Err(error),
                }
            }
            None => {
                let notification = &message["data"];
                let request = v1::HandleErrorRequest {
                    endpoint: service.endpoint.clone(),
                    request_id: fresh_request_id(),
                    action: v1::Action::DataExchange.into(),
                    flow_token: message["flow_token"].as_str().unwrap_or_default().to_owned(),
                    error: notification["error"].as_str().unwrap_or_default().to_owned(),
                    error_message: notification["error_message"].as_str().unwrap_or_default().to_owned(),
                    ..Default::default()
                };
                connection.handle_error(request).await.map(|()| Default::default())
            }
        };
        match metadata {
            Ok(metadata) if quotes_in(&metadata, canary) => {
                return Err(Failure::came("metadata with it"));
            }
            Err(CallError::Status(status)) => refuse_quotes(&status, canary)?,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Refuses a status that holds the canary anywhere.
pub(super) fn refuse_quotes(status: &Status, canary: &str) -> Result<(), Failure> {
    let place = if status.message().contains(canary) {
        "the text"
    } else if holds(status.details(), canary) {
        "the details"
    } else if quotes_in(status.metadata(), canary) {
        "a trailer"
    } else {
        return Ok(());
    };
    let status = describe(status).replace(canary, "CANARY");
    Err(Failure::came(format!("{place} of a status quotes it: {status}")))
}

fn quotes_in(metadata: &tonic::metadata::MetadataMap, canary: &str) -> bool {
    metadata.iter().any(|entry| match entry {
        KeyAndValueRef::Ascii(key, value) => key.as_str().contains(canary) || holds(value.as_encoded_bytes(), canary),
        KeyAndValueRef::Binary(_, value) => value.to_bytes().is_ok_and(|bytes| holds(&bytes, canary)),
    })
}

fn holds(bytes: &[u8], canary: &str) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary.as_bytes())
}

pub(super) async fn short_deadline(service: &Service, with: &Value) -> Result<(), Failure> {
    let connection = service.connect().await?;
    let deadline = milliseconds(&with["timeout_ms"]);
    let request = complete(&object(json!({ "action": "INIT" })));
    let Some(request) = to_v1(&request, &service.endpoint) else { return Ok(()) };
    let request_id = request.request_id.clone();
    let started = Instant::now();
    // How it ends is the service's: in time, or as cancelled, which some libraries say by resetting the call.
    let _ = connection.data_exchange(with_metadata(request, &request_id, deadline)).await;
    let took = started.elapsed();
    if took > deadline + milliseconds(&with["grace_ms"]) {
        return Err(Failure::came(format!("an end after {} ms", took.as_millis())));
    }
    still_serves(&connection, service).await
}

/// What the platform asks for: nobody waits for longer than this with pleasure.
pub(super) async fn within_limit(service: &Service, with: &Value) -> Result<(), Failure> {
    let connection = service.connect().await?;
    let limit = milliseconds(&with["limit_ms"]);
    for name in ["Ping", "INIT"] {
        let started = Instant::now();
        match name {
            "Ping" => connection.ping(&service.endpoint).await?,
            _ => answered(&connection, service, &object(json!({ "action": "INIT" }))).await?,
        }
        let took = started.elapsed();
        if took > limit {
            return Err(Failure::slow(format!("slow: the answer to {name} took {} ms", took.as_millis())));
        }
    }
    Ok(())
}

pub(super) async fn after_cancelled_calls(service: &Service, with: &Value) -> Result<(), Failure> {
    let connection = service.connect().await?;
    for number in 0..with["calls"].as_u64().unwrap_or_default() {
        let message = object(json!({ "action": "INIT" }));
        let call = answered(&connection, service, &message);
        // Dropped at different times: while it is sent, and while it is answered.
        let _ = tokio::time::timeout(Duration::from_millis(number), call).await;
    }
    still_serves(&connection, service).await
}

/// The service gave an answer of its own: whatever status that is not a sign of a broken or overwhelmed server.
async fn answered(connection: &Connection, service: &Service, message: &Object) -> Result<(), CallError> {
    let Some(request) = to_v1(&complete(message), &service.endpoint) else { return Ok(()) };
    let request_id = request.request_id.clone();
    match connection.data_exchange(with_metadata(request, &request_id, DEADLINE)).await {
        Err(CallError::Status(status))
            if !matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded) =>
        {
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

/// Ping is answered on the same connection.
pub(super) async fn still_serves(connection: &Connection, service: &Service) -> Result<(), Failure> {
    let ping = connection.ping(&service.endpoint).await;
    ping.map_err(|error| Failure::of_call(error, "to a Ping on the same connection afterwards:"))
}

/// Calls any method with any message.
async fn raw<Q, A>(connection: &Connection, path: &str, message: Q) -> Result<A, CallError>
where
    Q: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    let path = PathAndQuery::try_from(path).map_err(|error| CallError::Broken(error.to_string()))?;
    let mut client = Grpc::with_origin(connection.clone(), connection.origin());
    let request: Request<Q> = with_metadata(message, &fresh_request_id(), DEADLINE);
    within(async {
        client.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
        client.unary(request, path, ProstCodec::<Q, A>::default()).await
    })
    .await
    .map(tonic::Response::into_inner)
}

/// The code that the service answered with.
fn code<T>(answer: Result<T, CallError>) -> Result<Code, CallError> {
    match answer {
        Ok(_) => Ok(Code::Ok),
        Err(CallError::Status(status)) => Ok(status.code()),
        Err(error) => Err(error),
    }
}

fn complete(message: &Object) -> Object {
    client::complete(message.clone(), &fresh_flow_token(), |_| String::new())
}

pub(super) fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

pub(super) fn milliseconds(value: &Value) -> Duration {
    Duration::from_millis(value.as_u64().unwrap_or_default())
}
