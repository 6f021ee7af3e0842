//! Waiting for a condition, with a deadline.

use std::future::Future;
use std::time::{Duration, Instant};

/// Long enough for the slowest machine; reached only by a failing test.
pub const DEADLINE: Duration = Duration::from_secs(30);

const STEP: Duration = Duration::from_millis(15);

/// Asks again and again until there is an answer.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain for: {what}");
        tokio::time::sleep(STEP).await;
    }
}

/// Waits for the end of some work.
pub async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(DEADLINE, work).await;
    done.unwrap_or_else(|_| panic!("waited in vain for: {what}"))
}
