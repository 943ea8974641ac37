//! The logic of a flow that has none yet: each screen shows the examples of its own file, and any form leads on.

use std::sync::{Arc, PoisonError, RwLock};

use flow_json::Flow;
use flow_logic_sdk::{Action, DataExchange, Error, FlowLogic, Reply};
use flow_proto::json::from_struct;
use serde_json::Map;

/// Answers by the file as it is at the moment.
#[derive(Debug, Clone)]
pub(crate) struct Examples(Arc<RwLock<Arc<Flow>>>);

impl Examples {
    pub(crate) fn new(flow: Arc<Flow>) -> Self {
        Self(Arc::new(RwLock::new(flow)))
    }

    pub(crate) fn renew(&self, flow: Arc<Flow>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = flow;
    }

    fn flow(&self) -> Arc<Flow> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl FlowLogic for Examples {
    async fn data_exchange(&self, request: DataExchange) -> Result<Reply, Error> {
        let flow = self.flow();
        let next = match request.action {
            Action::Init => flow.first_screen(),
            Action::Back => {
                let before = flow.edges().into_iter().find(|(_, to)| to.text == request.screen);
                before.and_then(|(from, _)| flow.screen(&from.text))
            }
            Action::DataExchange => {
                let after = flow.edges().into_iter().find(|(from, _)| from.text == request.screen);
                after.and_then(|(_, to)| flow.screen(&to.text))
            }
        };
        Ok(match next {
            Some(screen) => Reply::screen(screen.id.text.clone(), from_struct(screen.examples())),
            None => Reply::complete(Map::new()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_logic_sdk::testing::Conversation;

    #[tokio::test]
    async fn the_sample_is_walked_through_by_its_examples() {
        let text = include_str!("../../../../examples/flows/appointment.json");
        let flow = Arc::new(flow_json::check(text).flow.unwrap());
        let examples = Examples::new(flow);
        let conversation = Conversation::new(&examples, "token");
        let first = conversation.init().await.unwrap();
        assert_eq!(first.screen(), Some("APPOINTMENT"));
        assert_eq!(first.data()["department"][0]["id"], "beauty");
        let next = conversation.submit("APPOINTMENT", serde_json::json!({})).await.unwrap();
        assert_eq!(next.screen(), Some("DETAILS"));
        let back = conversation.back("DETAILS").await.unwrap();
        assert_eq!(back.screen(), Some("APPOINTMENT"));
    }
}
