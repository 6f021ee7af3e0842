//! Randomness as an argument.

use aws_lc_rs::rand::SecureRandom;

/// A source of random bytes.
///
/// Production passes [`SystemRandom`]; tests pass bytes that they know. An implementation fills the whole slice with
/// bytes that nobody can predict, and never fails.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The random generator of `aws-lc-rs`: CTR-DRBG (NIST SP 800-90A, section 10.2) per thread, seeded from
/// hardware and operating system, and seeded anew after a fork and, where the kernel tells, after a virtual machine's
/// snapshot is resumed.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::SystemRandom::new()
            .fill(bytes)
            .expect("RAND_bytes of AWS-LC reports no failure: without a source of entropy it ends the process");
    }
}
