//! Allocator of the programs: mimalloc, which has a heap for each thread.
//!
//! Activations of a megabyte and more are allocated a thousand times a second, on all threads. glibc gives each of them back to the
//! system, or, told not to, lets the threads wait for one another: of the time of `espq optimize` on small networks, a third. The
//! allocators of musl and Windows are slower still. A library must not choose for its caller's process, so only `main` does.
//!
//! Never: called by a constructor, or by anything that computes.

#![allow(unsafe_code)]

pub use mimalloc::MiMalloc as Allocator;

/// Allocator for `#[global_allocator]`.
pub const ALLOCATOR: Allocator = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of `mimalloc.h`, which the bindings leave out.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Milliseconds for which freed memory stays in the process: from one layer or sample to the next.
const STAYS: std::ffi::c_long = 60_000;

/// Keeps freed memory in the process for the next tensor of its size, or until [`give_back`].
pub fn keep() {
    // SAFETY: an option takes any number.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, STAYS) };
}

/// Returns free memory to the system, for a process that is idle but keeps running: that of the calling thread, and of those that
/// compute.
pub fn give_back() {
    // SAFETY: `mi_collect` only accesses free memory.
    let collect = || unsafe { libmimalloc_sys::mi_collect(true) };
    rayon::broadcast(|_| collect());
    collect();
}
