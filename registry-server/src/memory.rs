//! What the process keeps of the memory it frees.
//!
//! Frames and answers come and go. By default glibc gives their blocks of 128 KiB and more back to the kernel, which clears
//! every page of the next one: a fifth of the CPU of producing. Its threshold becomes the size of the largest such block
//! that it was given back (mallopt(3), `M_MMAP_THRESHOLD`), so one is made and freed at the start. Other allocators lose
//! nothing by it: the block is never written to.

/// More than a frame or an answer usually has.
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// Has the allocator keep freed blocks of up to so many bytes.
pub(crate) fn keep_freed() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT_BYTES)));
}
