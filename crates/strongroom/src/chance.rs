//! Random bytes from the kernel, for commands that end in milliseconds.
//!
//! The generator of AWS-LC measures its own entropy when it is first asked, which takes about 20 ms. A server asks it;
//! a single command asks the kernel, whose generator is seeded already, and again after a virtual machine's resume.

use strongroom_seal::{Random, SystemRandom};

/// `getrandom(2)` on Linux, AWS-LC elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KernelRandom;

impl Random for KernelRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if !fill_from_kernel(bytes) {
            SystemRandom.fill(bytes);
        }
    }
}

/// Whether the kernel filled all of `bytes`.
#[cfg(target_os = "linux")]
fn fill_from_kernel(bytes: &mut [u8]) -> bool {
    use rustix::rand::{GetRandomFlags, getrandom};
    let mut rest = bytes;
    while !rest.is_empty() {
        match getrandom(&mut *rest, GetRandomFlags::empty()) {
            Ok(length) => rest = rest.get_mut(length..).unwrap_or_default(),
            Err(error) if error == rustix::io::Errno::INTR => {}
            Err(_) => return false,
        }
    }
    true
}

#[cfg(not(target_os = "linux"))]
fn fill_from_kernel(_bytes: &mut [u8]) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_filled() {
        let mut bytes = [0_u8; 1000];
        KernelRandom.fill(&mut bytes);
        assert!(bytes.chunks(10).all(|chunk| chunk.iter().any(|byte| *byte != 0)), "ten zeros in a row are no chance");
    }
}
