//! Allocator of the programs: mimalloc, which has a heap for each thread, for small blocks, and glibc's single heap for tensors.
//!
//! Small blocks are allocated a million times a second, on all threads: with one heap for all, threads wait for one another a third
//! of the time of `espq lint` and `espq optimize`. Tensors are few; a heap for each thread would keep half as much memory
//! again, of sizes that no other layer asks for. By default glibc returns each of them to the system, and page faults of the next one
//! take a tenth of a report's time. Other C libraries' heaps are slow with tensors, too. Tensors lie in huge pages, where the
//! system has them: looking up the addresses of small ones takes another tenth. A library must not choose for its caller's
//! process, so only `main` does.
//!
//! Never: called by a constructor, or by anything that computes.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};

use mimalloc::MiMalloc;

/// Bytes from which the C library allocates. mimalloc has half a megabyte for each size above it on each thread, most of it unused.
const LARGE: usize = if cfg!(all(target_os = "linux", target_env = "gnu")) { 16 << 10 } else { usize::MAX };

/// Allocator for `#[global_allocator]`.
pub struct Allocator;

fn heap(size: usize) -> &'static dyn GlobalAlloc {
    if size < LARGE { &MiMalloc } else { &System }
}

// SAFETY: each block is freed by the heap that has allocated it, since its size says which one that is.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the contract is the same.
        let block = unsafe { heap(layout.size()).alloc(layout) };
        huge::ask(block, layout.size());
        block
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
        let from = heap(layout.size());
        if (layout.size() < LARGE) == (size < LARGE) {
            // SAFETY: the contract is the same.
            let new = unsafe { from.realloc(block, layout, size) };
            huge::ask(new, size);
            return new;
        }
        // SAFETY: the caller guarantees that `size` with this alignment is a layout, and that the block has that of `layout`; both
        // blocks have the bytes that are copied, and differ.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(block, layout.size().min(size));
                from.dealloc(block, layout);
            }
            new
        }
    }
}

/// mimalloc's option `purge_delay`, which its bindings do not name: milliseconds after which free pages go back to the system.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Keeps freed memory in the process, until [`give_back`].
pub fn keep() {
    // Most pages are used again by then: with the default of 10 ms, a twentieth of the time goes into their return.
    // SAFETY: any number is valid, and is read where pages are freed.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 200) };
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, value) in [
        (libc::M_ARENA_MAX, 1),
        // Maximum of glibc; tensors above 32 MB do not fit these chips anyway.
        (libc::M_MMAP_THRESHOLD, 32 << 20),
        (libc::M_TRIM_THRESHOLD, i32::MAX),
        // Addresses beyond the end, in which huge pages find room.
        (libc::M_TOP_PAD, 64 << 20),
    ] {
        // SAFETY: `mallopt` takes any two numbers; a value that it refuses changes nothing.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Takes small pages from now on, for a process that only relays: a huge one for each of its threads is most of its memory.
/// Processes that it starts take small ones, too, until [`huge_pages`].
pub fn small_pages() {
    disable_huge_pages(1);
}

/// Takes huge pages again, after a parent's [`small_pages`].
pub fn huge_pages() {
    disable_huge_pages(0);
}

#[cfg(target_os = "linux")]
fn disable_huge_pages(disable: libc::c_ulong) {
    const UNUSED: libc::c_ulong = 0;
    // SAFETY: the system accepts or refuses these numbers, and no byte of memory changes.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, disable, UNUSED, UNUSED, UNUSED) };
}

/// Other systems do not fill up pages on their own.
#[cfg(not(target_os = "linux"))]
fn disable_huge_pages(_: u64) {}

/// Returns free memory to the system, for a process that is idle but keeps running: that of the calling thread, of those that
/// compute, and of tensors.
pub fn give_back() {
    // SAFETY: `mi_collect` only accesses free memory.
    let collect = || unsafe { libmimalloc_sys::mi_collect(true) };
    rayon::broadcast(|_| collect());
    collect();
    huge::end();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` only accesses free memory, and any padding is valid.
    unsafe {
        libc::malloc_trim(0)
    };
}

/// Huge pages of glibc's heap, which is one range of addresses that grows at its end.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod huge {
    use std::ptr::without_provenance_mut;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    const PAGE: usize = 2 << 20;

    /// Range of the heap for which they have been asked.
    static START: AtomicUsize = AtomicUsize::new(usize::MAX);
    static END: AtomicUsize = AtomicUsize::new(0);

    /// Asks for huge pages up to the end of the heap if a new block lies beyond those of before; its bytes have not been touched yet.
    pub fn ask(block: *mut u8, size: usize) {
        let (block, asked) = (block.addr(), END.load(Relaxed));
        if size < super::LARGE || block + size <= asked {
            return;
        }
        // SAFETY: an increment of 0 only returns the end.
        let end = unsafe { libc::sbrk(0) }.addr() & !(PAGE - 1);
        // Blocks above the end are mapped on their own.
        if block + size > end + PAGE {
            return;
        }
        let start = if asked == 0 { block } else { asked }.next_multiple_of(PAGE);
        if start < end {
            advise(start, end, libc::MADV_HUGEPAGE);
            START.fetch_min(start, Relaxed);
            END.fetch_max(end, Relaxed);
        }
    }

    /// Asks for small pages, until the next block: the system would fill up the huge ones that are partly free.
    pub fn end() {
        let (start, end) = (START.swap(usize::MAX, Relaxed), END.swap(0, Relaxed));
        if start < end {
            advise(start, end, libc::MADV_NOHUGEPAGE);
        }
    }

    fn advise(start: usize, end: usize, advice: i32) {
        // SAFETY: an advice about pages changes no byte of them; the system refuses ranges that it does not know.
        unsafe { libc::madvise(without_provenance_mut(start), end - start, advice) };
    }
}

/// Other C libraries decide for themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod huge {
    pub fn ask(_: *mut u8, _: usize) {}
    pub fn end() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_purge_delay_is_the_option_with_its_default() {
        // SAFETY: reading an option has no other effect.
        assert_eq!(unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) }, 10);
    }

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
