//! Setting of the process's allocator for the memory of freed tensors.
//!
//! Activations of a megabyte and more are allocated a thousand times a second. By default glibc returns each to the
//! system, and page faults of the next one take a tenth of a report's time. The setting affects the whole process, so
//! only `main` changes it; a library must not do so in its caller's process.
//!
//! Never: called by a constructor, or by anything that computes.

#![allow(unsafe_code)]

/// Keeps freed memory in the process, in one heap for all threads, until [`give_back`].
///
/// Does nothing if the C library is not glibc.
pub fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, value) in [
        (libc::M_ARENA_MAX, 1),
        // Maximum of glibc; tensors above 32 MB do not fit these chips anyway.
        (libc::M_MMAP_THRESHOLD, 32 << 20),
        (libc::M_TRIM_THRESHOLD, i32::MAX),
    ] {
        // SAFETY: `mallopt` takes any two numbers; a value that it refuses changes nothing.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Returns free memory to the system, for a process that is idle but keeps running.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` only accesses free memory, and any padding is valid.
    unsafe {
        libc::malloc_trim(0)
    };
}
