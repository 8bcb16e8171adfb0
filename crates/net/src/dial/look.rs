//! Connections that tell how they were made: for whoever checks a server rather than talks to it.

use std::io;

use super::dialer::Dialer;
use super::error::{DialError, Failure};
use super::facts::{Look, TlsFacts};
use super::stream::Stream;
use super::target::Target;

impl Dialer {
    /// Connects as [`dial`](Self::dial) does, under the same rules and limits, and tells what was seen on the way. Name servers are
    /// asked anew and no earlier TLS session is gone on with, so it takes longer: for whoever checks a server.
    ///
    /// # Errors
    /// As those of [`dial`](Self::dial). A certificate that does not stand up is [`Failure::Tls`]; see
    /// [`look_tls`](Self::look_tls) for what it says.
    pub async fn look(&self, target: &Target) -> Result<Look, DialError> {
        self.counted(target, self.open_looking(target)).await
    }

    /// What a TLS handshake with an admitted target shows, even if the certificate does not stand up: `verified` says whether it
    /// does. Connects under the same rules and limits as [`dial`](Self::dial), lets the handshake finish and closes the connection
    /// at once; no application data is sent or read. For facts only: a connection that carries data is made by
    /// [`dial`](Self::dial) or [`look`](Self::look), which refuse such a certificate.
    ///
    /// # Errors
    /// [`DialError::Refused`] when the name leads inside. [`Failure::Tls`] when there is no handshake at all, or the target's scheme
    /// is one without TLS; then nothing is connected to. [`DialError::Failed`] for everything else.
    pub async fn look_tls(&self, target: &Target) -> Result<TlsFacts, DialError> {
        self.counted(target, self.open_for_facts(target)).await
    }

    async fn open_looking(&self, target: &Target) -> Result<Look, DialError> {
        let reached = self.reach(target, &self.0.fresh_names).await?;
        let remote = reached.remote;
        let (stream, tls) = if target.is_tls() {
            let (stream, facts) = self.0.tls.look(target.host(), reached.stream).await?;
            (Stream::tls(stream, remote), Some(facts))
        } else {
            (Stream::plain(reached.stream, remote), None)
        };
        Ok(Look {
            lookup: reached.lookup,
            connect: reached.connect,
            tls,
            remote,
            stream,
        })
    }

    async fn open_for_facts(&self, target: &Target) -> Result<TlsFacts, DialError> {
        if !target.is_tls() {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "the URL has no TLS");
            return Err(Failure::Tls(error).into());
        }
        let reached = self.reach(target, &self.0.fresh_names).await?;
        Ok(self.0.tls.facts(target.host(), reached.stream).await?)
    }
}
