//! Instruction sets: detection of the processor's, compilation of a kernel for each, and the choice at run time.
//!
//! A kernel that uses vectors explicitly is a [`Work`], written once over [`Instructions`]; a plain loop that the
//! compiler vectorizes is a function inside [`multiversion`].

use super::vector::Instructions;
#[cfg(target_arch = "aarch64")]
use super::vector::neon::Neon;
use super::vector::portable::Portable;
#[cfg(target_arch = "x86_64")]
use super::vector::{
    avx2::Avx2,
    avx512::{Avx512, Avx512Vnni},
};

/// Instruction sets, from the narrowest up. A processor has its own level and those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Baseline of the build target: any processor.
    Portable,
    /// NEON, which every aarch64 processor has.
    Neon,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, BW, DQ, VL.
    Avx512,
    /// AVX-512 with VNNI, which fuses multiplication and addition of integers.
    Avx512Vnni,
}

impl Level {
    /// Returns the level of this processor, which the standard library detects once.
    #[inline]
    pub fn detect() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                let vnni = is_x86_feature_detected!("avx512vnni");
                return if vnni { Level::Avx512Vnni } else { Level::Avx512 };
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Level::Avx2;
            }
        }
        if cfg!(target_arch = "aarch64") { Level::Neon } else { Level::Portable }
    }

    /// Returns every level that this processor has a kernel for.
    #[cfg(test)]
    pub fn available() -> impl Iterator<Item = Level> {
        let all = [Level::Portable, Level::Neon, Level::Avx2, Level::Avx512, Level::Avx512Vnni];
        all.into_iter().filter(|&level| level <= Level::detect())
    }
}

/// A kernel generic over the instruction set.
pub(super) trait Work {
    type Made;

    /// # Safety
    ///
    /// The processor has `I`; further conditions are the kernel's.
    unsafe fn run<I: Instructions>(self) -> Self::Made;
}

/// Runs `work` with the instructions of `level`; a level of another processor family runs the portable code.
///
/// # Safety
///
/// The processor has `level`; further conditions are the kernel's.
pub(super) unsafe fn at<W: Work>(level: Level, work: W) -> W::Made {
    // SAFETY: guaranteed by the caller.
    unsafe {
        match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Vnni => avx512_vnni(work),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => avx512(work),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => avx2(work),
            #[cfg(target_arch = "aarch64")]
            Level::Neon => work.run::<Neon>(),
            _ => work.run::<Portable>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
unsafe fn avx512_vnni<W: Work>(work: W) -> W::Made {
    // SAFETY: guaranteed by the caller.
    unsafe { work.run::<Avx512Vnni>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn avx512<W: Work>(work: W) -> W::Made {
    // SAFETY: guaranteed by the caller.
    unsafe { work.run::<Avx512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<W: Work>(work: W) -> W::Made {
    // SAFETY: guaranteed by the caller.
    unsafe { work.run::<Avx2>() }
}

/// Defines functions whose body is compiled for every [`Level`] and chosen when called.
///
/// The arithmetic is the same at every level: Rust neither reorders nor contracts it.
macro_rules! multiversion {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident $([$($generic:ident : $bound:ident),*])?
        ($($argument:ident : $type:ty),* $(,)?) $(-> $result:ty)? $body:block)*) => {$(
        $(#[$attribute])*
        $visibility fn $name $(<$($generic: $bound),*>)? ($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn body $(<$($generic: $bound),*>)? ($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,popcnt,bmi1,bmi2,lzcnt")]
                fn avx512 $(<$($generic: $bound),*>)? ($($argument: $type),*) $(-> $result)? {
                    body($($argument),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2 $(<$($generic: $bound),*>)? ($($argument: $type),*) $(-> $result)? {
                    body($($argument),*)
                }
                match $crate::simd::Level::detect() {
                    $crate::simd::Level::Avx512 | $crate::simd::Level::Avx512Vnni => {
                        // SAFETY: the processor has the features, as detected above.
                        return unsafe { avx512($($argument),*) };
                    }
                    // SAFETY: as above.
                    $crate::simd::Level::Avx2 => return unsafe { avx2($($argument),*) },
                    _ => {}
                }
            }
            body($($argument),*)
        }
    )*};
}

pub(crate) use multiversion;
