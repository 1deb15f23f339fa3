//! How the process holds memory that tensors have freed.
//!
//! Activations of a megabyte and more come and go a thousand times a second. By default glibc hands each back to the
//! system and the next one is faulted in page by page, a tenth of a report's time.

/// Freed memory stays with the process, in one heap for all threads, until [`give_back`].
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
        // SAFETY: no requirements; a value that is not taken changes nothing.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// To the system, for a process that lives on and has nothing to do.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: no requirements.
    unsafe {
        libc::malloc_trim(0)
    };
}
