//! Allocator of the programs: mimalloc, which has a heap for each thread, for small blocks, and glibc's single heap for tensors.
//!
//! Small blocks are allocated a million times a second, on all threads: with one heap for all, threads wait for one another a third
//! of the time of `espq lint` and `espq optimize`. Tensors are few; a heap for each thread would keep half as much memory
//! again, of sizes that no other layer asks for. By default glibc returns each of them to the system, and page faults of the next one
//! take a tenth of a report's time. Other C libraries' heaps are slow with tensors, too. A library must not choose for its
//! caller's process, so only `main` does.
//!
//! Never: called by a constructor, or by anything that computes.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};

use mimalloc::MiMalloc;

/// Bytes from which the C library allocates.
const LARGE: usize = if cfg!(all(target_os = "linux", target_env = "gnu")) { 64 << 10 } else { usize::MAX };

/// Allocator for `#[global_allocator]`.
pub struct Allocator;

fn heap(size: usize) -> &'static dyn GlobalAlloc {
    if size < LARGE { &MiMalloc } else { &System }
}

// SAFETY: each block is freed by the heap that has allocated it, since its size says which one that is.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the contract is the same.
        unsafe { heap(layout.size()).alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the contract is the same.
        unsafe { heap(layout.size()).alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the contract is the same.
        unsafe { heap(layout.size()).dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (from, to) = (heap(layout.size()), heap(size));
        if (layout.size() < LARGE) == (size < LARGE) {
            // SAFETY: the contract is the same.
            return unsafe { from.realloc(block, layout, size) };
        }
        // SAFETY: the caller guarantees that `size` with this alignment is a layout, and that the block has that of `layout`; both
        // blocks have the bytes that are copied, and differ.
        unsafe {
            let new = to.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(block, layout.size().min(size));
                from.dealloc(block, layout);
            }
            new
        }
    }
}

/// Keeps freed memory in the process, until [`give_back`].
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

/// Returns free memory to the system, for a process that is idle but keeps running: that of the calling thread, of those that
/// compute, and of tensors.
pub fn give_back() {
    // SAFETY: `mi_collect` only accesses free memory.
    let collect = || unsafe { libmimalloc_sys::mi_collect(true) };
    rayon::broadcast(|_| collect());
    collect();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` only accesses free memory, and any padding is valid.
    unsafe {
        libc::malloc_trim(0)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_keep_their_bytes_from_heap_to_heap() {
        // SAFETY: all sizes are above 0, and each block is used with its own layout.
        unsafe {
            let small = Layout::array::<u8>(100).unwrap();
            let block = Allocator.alloc_zeroed(small);
            block.write(7);
            let large = Layout::array::<u8>(1 << 20).unwrap();
            let block = Allocator.realloc(block, small, large.size());
            assert_eq!((block.read(), block.add(99).read()), (7, 0));
            block.add(99).write(9);
            let block = Allocator.realloc(block, large, small.size());
            assert_eq!((block.read(), block.add(99).read()), (7, 9));
            Allocator.dealloc(block, small);
        }
    }
}
