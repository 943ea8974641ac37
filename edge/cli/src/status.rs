//! What an HTTP status of an endpoint means to the messaging client, and whose fault it is.

/// What else a 427 may mean where the request carried no signature of its flow token.
pub(crate) const UNSIGNED: &str = "\
The request carried no flow_token_signature, though, and with `flow_token_signature: require` the endpoint answers 427 to that as \
well: the builder's preview and flows of data API 3.0 send none. On a phone 427 disables the message's button for good.";

/// One sentence about a status that is not 200.
pub(crate) fn explain(status: u16) -> &'static str {
    match status {
        200 => "The endpoint answered.",
        400 => {
            "The endpoint cannot read the request: it is no well-formed envelope or message, which is the sender's fault."
        }
        404 => "No endpoint has this path: the URL is wrong, or the endpoint is not configured there.",
        405 => "The path does not take POST: the URL is wrong, or something other than a flow endpoint answers there.",
        408 => "The request came too slowly for the endpoint: the network's fault, or the sender's.",
        413 => "The request is larger than the endpoint allows: the sender's fault, or the limit is too low.",
        421 => {
            "No private key of the endpoint opens the request: it was sealed for another public key. A real client \
             fetches the public key again and repeats once, so the uploaded key and the configured one must be a pair."
        }
        427 => {
            "The flow token is no longer valid: the business has ended this conversation, and the client disables the \
             message's button. That is an answer, not a fault."
        }
        432 => {
            "The signature does not match: the request was signed under another app secret than the endpoint has, or \
             it was changed on the way. Compare the two app secrets."
        }
        500 => {
            "The endpoint failed inside, or the logic behind it did: the fault is on the server's side, and its log says \
             more."
        }
        502 => "A proxy in front of the endpoint got no sound answer from it: the fault is on the server's side.",
        503 => "The endpoint is overloaded, or its logic cannot be reached: the fault is on the server's side.",
        504 => "The logic behind the endpoint did not answer in time: the fault is there.",
        201..=299 => "Only exactly 200 counts as success for the client: the endpoint's fault.",
        300..=399 => "The client follows no redirect: the URL is not the endpoint's own, or a proxy redirects.",
        _ => "The client knows no such status and shows its generic error: the fault is on the server's side.",
    }
}
