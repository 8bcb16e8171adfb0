//! A transaction on its way through the writer.

use tokio::sync::oneshot;

use crate::{Error, Transaction, metrics};

/// A closure with the answer that somebody waits for, whatever their types.
pub trait Job: Send {
    /// Whether nobody waits any more.
    fn is_abandoned(&self) -> bool;

    /// Runs the closure, once more if it was run before. Returns whether its changes are to stay.
    fn run(&mut self, transaction: &mut Transaction<'_>) -> bool;

    /// Replaces the answer.
    fn fail(&mut self, error: Error);

    /// Hands the answer out.
    fn answer(self: Box<Self>);
}

/// See [`Job`].
pub struct Write<T, E, F> {
    closure: F,
    result: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Write<T, E, F> {
    pub fn new(closure: F, answer: oneshot::Sender<Result<T, E>>) -> Self {
        Self {
            closure,
            result: None,
            answer,
        }
    }
}

impl<T, E, F> Job for Write<T, E, F>
where
    F: Fn(&mut Transaction<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(&mut self, transaction: &mut Transaction<'_>) -> bool {
        let result = transaction.run(&self.closure);
        let stays = result.is_ok();
        self.result = Some(result);
        stays
    }

    fn fail(&mut self, error: Error) {
        self.result = Some(Err(metrics::failed(error).into()));
    }

    fn answer(self: Box<Self>) {
        if let Some(result) = self.result {
            // Whoever is gone needs no answer.
            let _ = self.answer.send(result);
        }
    }
}
