//! How logic broke the contract, as a kind for each way.

/// How logic broke the contract. Each is logic's fault and becomes status 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("what answers at logic's address does not speak gRPC")]
    NotGrpc,
    #[error(
        "logic's answer cannot be read: wrong framing, no status at its end, or another message than the contract's"
    )]
    Unreadable,
    #[error("logic answered with success and without a message")]
    NoMessage,
    #[error("logic answered a unary call with several messages")]
    SeveralMessages,
    #[error("logic answered without an outcome")]
    NoOutcome,
    #[error("logic answered next_screen with an empty screen")]
    NoScreen,
    #[error("logic answered next_screen with the reserved screen SUCCESS; a completion ends the flow")]
    ReservedScreen,
    #[error("logic's answer is larger than 1,000,000 bytes of JSON")]
    TooLarge,
    #[error("logic's answer holds more than 20,000 values")]
    TooManyValues,
}

impl Violation {
    /// As a word from a bounded set.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::NotGrpc => "logic_contract_not_grpc",
            Self::Unreadable => "logic_contract_unreadable",
            Self::NoMessage => "logic_contract_no_message",
            Self::SeveralMessages => "logic_contract_several_messages",
            Self::NoOutcome => "logic_contract_no_outcome",
            Self::NoScreen => "logic_contract_no_screen",
            Self::ReservedScreen => "logic_contract_reserved_screen",
            Self::TooLarge => "logic_contract_too_large",
            Self::TooManyValues => "logic_contract_too_many_values",
        }
    }
}
