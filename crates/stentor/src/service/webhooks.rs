//! The webhooks of the node: started with it, and brought to an end while it drains.

use std::convert::Infallible;

use stentor_gateway::Webhooks;
use stentor_serve::supervisor::Supervisor;
use tokio::sync::watch;

/// Webhooks, and how far their end has come.
pub struct Sending {
    webhooks: Webhooks,
    /// Whether nothing new is to be begun.
    finish: watch::Sender<bool>,
    /// Whether all that was under way has ended.
    finished: watch::Sender<bool>,
}

impl Sending {
    /// Webhooks that are not sent yet.
    pub fn new(webhooks: Webhooks) -> Self {
        Self {
            webhooks,
            finish: watch::Sender::new(false),
            finished: watch::Sender::new(false),
        }
    }

    /// The webhooks.
    pub fn webhooks(&self) -> Webhooks {
        self.webhooks.clone()
    }

    /// Begins to send.
    pub fn start(&self, supervisor: &mut Supervisor) {
        let (webhooks, finish) = (self.webhooks.clone(), self.finish.clone());
        let finished = self.finished.clone();
        supervisor.spawn("webhooks", move |mut stop| {
            let (webhooks, mut finish) = (webhooks.clone(), finish.subscribe());
            let finished = finished.clone();
            async move {
                let end = async {
                    tokio::select! {
                        () = stop.requested() => {}
                        // An error means that the node is gone: the same.
                        _ = finish.wait_for(|finish| *finish) => {}
                    }
                };
                webhooks.run(end).await;
                finished.send_replace(true);
                Ok::<(), Infallible>(())
            }
        });
        super::gateway::spawn(supervisor, "webhooks_upkeep", {
            let webhooks = self.webhooks.clone();
            move || {
                let webhooks = webhooks.clone();
                async move { webhooks.keep_up().await }
            }
        });
    }

    /// Begins nothing new, and waits until what is under way has ended: as long as an attempt may take. What is cut before is sent again after
    /// the next start.
    pub async fn finish(&self) {
        self.finish.send_replace(true);
        let mut finished = self.finished.subscribe();
        // The sender is here, so there is no error.
        let _ = finished.wait_for(|finished| *finished).await;
    }
}
