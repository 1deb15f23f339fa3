//! End of a session. tower-lsp answers `shutdown`, but handles `exit` only when another message follows it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::sync::Notify;
use tower_lsp::jsonrpc::{Request, Response};
use tower_service::Service;

/// Service that reports the two messages that end it.
pub struct Lifecycle<S> {
    service: S,
    ended: Ended,
}

#[derive(Clone, Default)]
pub struct Ended(Arc<Signals>);

#[derive(Default)]
struct Signals {
    shutdown: AtomicBool,
    exit: Notify,
}

impl<S> Lifecycle<S> {
    pub fn around(service: S) -> (Lifecycle<S>, Ended) {
        let ended = Ended::default();
        (Lifecycle { service, ended: ended.clone() }, ended)
    }
}

impl Ended {
    /// Returns the exit code after `exit`, or when the client has closed the connection.
    pub async fn after(&self, serving: impl Future<Output = ()>) -> u8 {
        let mut serving = pin!(serving);
        let mut exit = pin!(self.0.exit.notified());
        std::future::poll_fn(|context| {
            let served = serving.as_mut().poll(context).is_ready();
            if served || exit.as_mut().poll(context).is_ready() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        u8::from(!self.0.shutdown.load(Ordering::Relaxed))
    }
}

impl<S: Service<Request, Response = Option<Response>>> Service<Request> for Lifecycle<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> S::Future {
        match request.method() {
            "shutdown" => self.ended.0.shutdown.store(true, Ordering::Relaxed),
            "exit" => self.ended.0.exit.notify_one(),
            _ => {}
        }
        self.service.call(request)
    }
}
