//! The allocator of the process: memory that freed tensors leave behind.
//!
//! Activations of a megabyte and more come and go a thousand times a second. By default glibc hands each back to the
//! system and the next one is faulted in page by page, a tenth of a report's time. The setting holds for the whole
//! process, so that only `main` makes it; a library that is linked into another program changes nothing there.
//!
//! Never: called by a constructor, or by anything that computes.

#![allow(unsafe_code)]

/// Keeps freed memory in the process, in one heap for all threads, until [`give_back`].
///
/// Where the C library is not glibc, nothing changes.
pub fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, value) in [
        (libc::M_ARENA_MAX, 1),
        // The most that glibc takes: larger tensors than 32 MB do not fit these chips anyway.
        (libc::M_MMAP_THRESHOLD, 32 << 20),
        (libc::M_TRIM_THRESHOLD, i32::MAX),
    ] {
        // SAFETY: `mallopt` takes any two numbers; a value that it refuses changes nothing.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Returns free memory to the system, for a process that lives on and has nothing to do.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` touches free memory only, and any padding is valid.
    unsafe {
        libc::malloc_trim(0)
    };
}
