//! How much an encoded answer would take, known before any of it is built.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Deeper than any decoder goes.
const MAX_DEPTH: usize = 128;

/// The messages that lead to the values of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Answer,
    NextScreen,
    Completion,
    Struct,
    Entry,
    Value,
    List,
}

/// How many values an encoded `HandleDataExchangeResponse` holds, nested ones counted, as far as it can be read.
///
/// A value may come as two bytes and take hundreds once it is decoded, so whoever decodes what others send bounds their number.
pub fn values(answer: &[u8]) -> usize {
    let mut count = 0;
    // What cannot be read is the decoder's to report.
    let _ = walk(answer, Node::Answer, 0, &mut count);
    count
}

fn walk(mut bytes: &[u8], node: Node, depth: usize, count: &mut usize) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    while !bytes.is_empty() {
        let (tag, wire_type) = decode_key(&mut bytes).ok()?;
        let Some(child) = node.child(tag).filter(|_| wire_type == WireType::LengthDelimited) else {
            skip_field(wire_type, tag, &mut bytes, DecodeContext::default()).ok()?;
            continue;
        };
        let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
        let (inside, rest) = bytes.split_at_checked(length)?;
        *count += usize::from(child == Node::Entry || node == Node::List);
        walk(inside, child, depth + 1, count)?;
        bytes = rest;
    }
    Some(())
}

impl Node {
    /// What the field of this number holds, where that leads to values.
    fn child(self, tag: u32) -> Option<Self> {
        match (self, tag) {
            (Self::Answer, 1) => Some(Self::NextScreen),
            (Self::Answer, 2) => Some(Self::Completion),
            (Self::NextScreen, 2) | (Self::Completion, 1) | (Self::Value, 5) => Some(Self::Struct),
            (Self::Struct, 1) => Some(Self::Entry),
            (Self::Entry, 2) | (Self::List, 1) => Some(Self::Value),
            (Self::Value, 6) => Some(Self::List),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::to_struct;
    use crate::v1;
    use crate::v1::handle_data_exchange_response::Outcome;
    use prost::Message as _;
    use serde_json::{Value, json};

    fn completion(params: Value) -> Vec<u8> {
        let params = params.as_object().cloned().map(to_struct);
        let outcome = Some(Outcome::Completion(v1::Completion { params }));
        v1::HandleDataExchangeResponse { outcome }.encode_to_vec()
    }

    #[test]
    fn every_value_counts_once_at_whatever_depth() {
        assert_eq!(values(&completion(json!({}))), 0);
        assert_eq!(values(&completion(json!({"a": null, "b": [1, "two", [3, {}]], "c": {"d": true}}))), 9);
        let data = Some(to_struct(json!({"a": [1, 2]}).as_object().unwrap().clone()));
        let screen = v1::NextScreen { screen: "A".to_owned(), data, error_message: "text".to_owned() };
        let answer = v1::HandleDataExchangeResponse { outcome: Some(Outcome::NextScreen(screen)) };
        assert_eq!(values(&answer.encode_to_vec()), 3);
    }

    #[test]
    fn what_cannot_be_read_ends_the_count() {
        let good = completion(json!({"a": [1, 2, 3]}));
        for length in 0..good.len() {
            assert!(values(&good[..length]) <= 4);
        }
        assert_eq!(values(&[0xff; 100]), 0);
    }
}
