//! Connections: how many there may be, and how long one may be silent.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};

/// How long a client may take to send a request's head, from its first byte.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take to send a request's body.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Files that a server needs for other things than connections: the database, its journal, listeners, the log.
const OTHER_FILES: u64 = 32;

/// How many connections may be open: in all, and from one address.
#[derive(Clone)]
pub struct ConnectionLimits {
    all: Arc<Semaphore>,
    per_address: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self::new(1024, 256)
    }
}

impl ConnectionLimits {
    /// At most `all`, and no more than there are files for; at most `per_address` from one address.
    pub fn new(all: usize, per_address: usize) -> Self {
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let files = files.map_or(usize::MAX, |files| {
            usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX)
        });
        Self {
            all: Arc::new(Semaphore::new(all.min(files).clamp(1, Semaphore::MAX_PERMITS))),
            per_address,
            open: Arc::default(),
        }
    }

    /// Waits until there is room for one more connection.
    ///
    /// The listener accepts only then: clients that come meanwhile wait in the system's queue instead of being refused.
    pub(crate) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// The place of a connection from `address`; `None` when that address has as many as it may.
    pub(crate) fn place(&self, address: IpAddr, room: OwnedSemaphorePermit) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Place {
            _room: room,
            address,
            open: Arc::clone(&self.open),
        })
    }
}

/// What an open connection holds of its limits, until it is dropped.
pub(crate) struct Place {
    _room: OwnedSemaphorePermit,
    address: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// How far a connection is: it counts up when a request's head is complete, and again when the request is answered.
#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// A request's head is complete, or the request is answered.
    pub(crate) fn step(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn steps(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Between a request's head and its answer.
fn is_in_request(steps: u64) -> bool {
    !steps.is_multiple_of(2)
}

/// A stream that fails when a request's head takes longer than [`HEAD_TIMEOUT`], counted from its first byte.
///
/// hyper has one time limit for both a head and the silence before it. That one is the keep-alive here, which is longer.
pub(crate) struct HeadTimeout<S> {
    stream: S,
    progress: Progress,
    /// Runs while a head is on its way: the one after so many steps.
    head: Option<(u64, Pin<Box<Sleep>>)>,
}

impl<S> HeadTimeout<S> {
    pub(crate) fn new(stream: S, progress: Progress) -> Self {
        Self {
            stream,
            progress,
            head: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadTimeout<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let steps = self.progress.steps();
        if is_in_request(steps) {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        match &mut self.head {
            Some((of, head)) if *of == steps => {
                if head.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Pin::new(&mut self.stream).poll_read(cx, buffer)
            }
            Some(_) | None => {
                ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
                self.head = Some((steps, Box::pin(sleep(HEAD_TIMEOUT))));
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
