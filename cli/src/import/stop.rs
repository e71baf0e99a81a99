//! Stopping an import between two rows.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tokio::signal::unix::{SignalKind, signal};

use crate::{failure::Failure, output};

/// Raised when nothing more is to be sent.
pub(super) struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// A flag that Ctrl-C and SIGTERM raise, from now on. A second one ends the process at once.
    pub(super) fn raised_by_signals() -> Result<Self, Failure> {
        let explain = |error: io::Error| Failure::Local(format!("signals can't be waited for: {error}"));
        let flag = Arc::new(AtomicBool::new(false));
        let raised = Arc::clone(&flag);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(explain)?;
        let (mut interrupts, mut terminations) = {
            let _within = runtime.enter();
            (
                signal(SignalKind::interrupt()).map_err(explain)?,
                signal(SignalKind::terminate()).map_err(explain)?,
            )
        };
        thread::spawn(move || {
            runtime.block_on(async {
                let mut next = async || {
                    tokio::select! {
                        _ = interrupts.recv() => {}
                        _ = terminations.recv() => {}
                    }
                };
                next().await;
                raised.store(true, Ordering::SeqCst);
                output::note("stopping; requests that are under way are waited for");
                next().await;
                std::process::exit(130);
            });
        });
        Ok(Self(flag))
    }

    pub(super) fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
