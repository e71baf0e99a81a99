//! A request's body: whole and in memory, or a stream that its endpoint reads piece by piece.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited, combinators::UnsyncBoxBody};
use keystead_core::{Error, InvalidRequest, Result};

/// The longest body of most endpoints, in bytes.
pub const BODY_LIMIT: usize = 256 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How an endpoint takes a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyMode {
    /// Whole. Its fields are the request's, but of a GET.
    Whole {
        /// The longest, in bytes.
        limit: usize,
    },
    /// As it comes, by [`crate::frame::context::Context::body_stream`]. The request's fields are those of its path and query.
    Stream {
        /// The longest, in bytes.
        limit: usize,
    },
}

impl BodyMode {
    /// The longest body, in bytes.
    pub const fn limit(self) -> usize {
        match self {
            Self::Whole { limit } | Self::Stream { limit } => limit,
        }
    }
}

/// A request's body, as it was taken off the wire.
#[derive(Clone, Debug)]
pub enum RequestBody {
    /// All of it.
    Whole(Bytes),
    /// It is longer than its endpoint takes, and was not read.
    TooLong,
    /// It is yet to be read.
    Stream(BodyStream),
}

impl RequestBody {
    /// What there is of it in memory: nothing of one that is too long or yet to be read.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::TooLong | Self::Stream(_) => &[],
        }
    }

    /// A body that lies in memory, for an endpoint that takes it in this mode.
    pub fn of(bytes: Bytes, mode: BodyMode) -> Self {
        match mode {
            BodyMode::Whole { limit } if bytes.len() > limit => Self::TooLong,
            BodyMode::Whole { .. } => Self::Whole(bytes),
            BodyMode::Stream { limit } => Self::Stream(BodyStream::new(Full::new(bytes), limit)),
        }
    }
}

/// A body that is read piece by piece, once. Clones read on where the others are.
#[derive(Clone)]
pub struct BodyStream {
    body: Arc<Mutex<Option<UnsyncBoxBody<Bytes, BoxError>>>>,
    limit: usize,
}

impl BodyStream {
    /// Reads `body` up to `limit` bytes.
    pub fn new<B>(body: B, limit: usize) -> Self
    where
        B: http_body_util::BodyExt<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let body = Limited::new(body, limit).boxed_unsync();
        Self {
            body: Arc::new(Mutex::new(Some(body))),
            limit,
        }
    }

    /// The next piece, or `None` at the end.
    ///
    /// # Errors
    /// [`InvalidRequest::TooLarge`] beyond the limit; [`InvalidRequest::Field`] when the client left before the end.
    pub async fn next(&self) -> Result<Option<Bytes>> {
        let Some(mut body) = self.place().take() else {
            return Ok(None);
        };
        loop {
            let frame = match body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => frame,
                Some(Err(error)) if error.is::<LengthLimitError>() => {
                    return Err(Error::Invalid(InvalidRequest::TooLarge { limit: self.limit }));
                }
                Some(Err(_)) => return Err(Error::field("body", "sent to its end")),
            };
            // Trailers say nothing here.
            if let Ok(piece) = frame.into_data() {
                *self.place() = Some(body);
                return Ok(Some(piece));
            }
        }
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Option<UnsyncBoxBody<Bytes, BoxError>>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyStream")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
