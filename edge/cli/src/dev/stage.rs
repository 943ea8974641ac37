//! What stands behind the edge: the sample flow, logic of the user's own, or a flow's examples; recorded where it is played.

use std::io;
use std::net::Ipv4Addr;

use flow_edge::config::LogicTarget;
use flow_logic_sdk::{FlowLogic, ServeError};
use rust_appointment::Appointments;
use rust_appointment::bookings::Memory;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

use super::flow_file::FlowFile;
use crate::console::examples::Examples;
use crate::console::recorder::Recorder;
use crate::logic::Target;

/// Logic, wherever it runs.
#[derive(Debug)]
pub(super) struct Stage {
    /// Where the edge calls it.
    pub(super) target: LogicTarget,
    /// Where it listens.
    pub(super) url: String,
    /// What it is, for people.
    pub(super) words: String,
    /// Where a flow can be played.
    pub(super) recorder: Option<Recorder>,
    /// Where there is no logic.
    pub(super) examples: Option<Examples>,
    served: Option<Served>,
}

/// Logic in this process.
#[derive(Debug)]
struct Served {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    #[error("it cannot be called: {0}")]
    Url(String),
    #[error("the sample flow cannot be served: {0}")]
    Serve(#[from] ServeError),
    #[error("a server broke down: {0}")]
    Task(#[from] JoinError),
}

impl Stage {
    /// `is_sample` says whose the flow is.
    pub(super) async fn start(logic: Option<&Target>, flow: Option<&FlowFile>, is_sample: bool) -> Result<Self, Error> {
        let (examples, served, words) = match (logic, flow) {
            (Some(logic), _) => (None, None, logic.url().to_owned()),
            (None, Some(flow)) if !is_sample => {
                let examples = Examples::new(flow.flow.clone());
                let served = serve(examples.clone()).await?;
                (Some(examples), Some(served), "none yet; each screen shows the examples of the Flow JSON".to_owned())
            }
            (None, _) => {
                let served = serve(Appointments::new(Memory::default())).await?;
                (None, Some(served), "the sample flow, in this process".to_owned())
            }
        };
        let (served, target) = match (served, logic) {
            (Some((served, url)), _) => (Some(served), Target::plain(&url).map_err(Error::Url)?),
            (None, Some(logic)) => (None, logic.clone()),
            // One of both is there.
            (None, None) => return Err(Error::Url("there is no logic".to_owned())),
        };
        let url = target.url().to_owned();
        let (target, recorder) = match flow {
            Some(_) => {
                let recorder = Recorder::start(target).await?;
                (recorder.target(), Some(recorder))
            }
            None => (target.configured(), None),
        };
        Ok(Self { target, url, words, recorder, examples, served })
    }

    /// Ends what runs in this process.
    pub(super) async fn stop(self) -> Result<(), Error> {
        let Some(Served { stop, task }) = self.served else { return Ok(()) };
        drop(stop);
        Ok(task.await??)
    }
}

async fn serve(logic: impl FlowLogic) -> Result<(Served, String), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (stop, stops) = oneshot::channel::<()>();
    let task = tokio::spawn(flow_logic_sdk::serve_until(logic, listener, async { drop(stops.await) }));
    Ok((Served { stop, task }, url))
}
