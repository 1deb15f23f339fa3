//! Loops compiled several times, for the instructions of the processor they meet.

/// Vector instructions of the processor, from none to the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// None that the compiler was not told of: any processor.
    Portable,
    /// AVX2 and FMA.
    Wide,
    /// AVX-512 F, BW, DQ, VL.
    Widest,
}

impl Level {
    /// The level of this processor (looked up once by the standard library).
    #[inline]
    pub fn detect() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                return Level::Widest;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Level::Wide;
            }
        }
        Level::Portable
    }
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
                fn widest $(<$($generic: $bound),*>)? ($($argument: $type),*) $(-> $result)? {
                    body($($argument),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn wide $(<$($generic: $bound),*>)? ($($argument: $type),*) $(-> $result)? {
                    body($($argument),*)
                }
                match $crate::kernels::simd::Level::detect() {
                    // SAFETY: the processor has the features, as just found out.
                    $crate::kernels::simd::Level::Widest => return unsafe { widest($($argument),*) },
                    // SAFETY: as above.
                    $crate::kernels::simd::Level::Wide => return unsafe { wide($($argument),*) },
                    $crate::kernels::simd::Level::Portable => {}
                }
            }
            body($($argument),*)
        }
    )*};
}

pub(crate) use multiversion;
