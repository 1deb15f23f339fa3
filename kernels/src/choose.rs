//! Choice between the elements of two slices by conditions.

use super::real::Real;
use super::simd::multiversion;

multiversion! {
    /// Returns the element of `x` where the condition holds, else that of `y`; all have one length.
    pub fn choose[T: Real](conditions: &[bool], x: &[T], y: &[T]) -> Vec<T> {
        conditions.iter().zip(x).zip(y).map(|((&condition, &x), &y)| if condition { x } else { y }).collect()
    }

    /// Returns the element of `x` where the condition holds, else `y`; the slices have one length.
    pub fn choose_or[T: Real](conditions: &[bool], x: &[T], y: T) -> Vec<T> {
        conditions.iter().zip(x).map(|(&condition, &x)| if condition { x } else { y }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_has_its_own_condition() {
        let conditions: Vec<bool> = (0..37).map(|at| at % 3 == 0).collect();
        let x: Vec<f32> = (0..37).map(|at| at as f32).collect();
        let y: Vec<f32> = x.iter().map(|v| -v).collect();
        let expected = |y: &dyn Fn(usize) -> f32| -> Vec<f32> {
            (0..37).map(|at| if conditions[at] { x[at] } else { y(at) }).collect()
        };
        assert_eq!(choose(&conditions, &x, &y), expected(&|at| y[at]));
        assert_eq!(choose_or(&conditions, &x, 5.0), expected(&|_| 5.0));
    }
}
