//! A log that a test can read.

use std::io::Write;
use std::sync::{Arc, Mutex};

/// What is logged, line by line.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    pub(crate) fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        // Where another test logs for the first time, its thread says for all whether anybody wants to read that. It would
        // say no, so that lines were missing here, if there were not somebody on all threads. A second one is refused.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
        let lines = self.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || lines.clone())
            .finish()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
