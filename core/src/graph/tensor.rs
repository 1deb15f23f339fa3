//! Typed, shared, contiguous arrays.
//!
//! Every `Tensor` is in standard (row-major) layout, so its elements are always available as a slice; kernels that need
//! strides take the slice and the shape. Cloning shares the data.

use ndarray::{ArcArray, ArrayD, IxDyn};

use crate::{Error, Result};

type Shared<T> = ArcArray<T, IxDyn>;

macro_rules! tensor {
    ($($variant:ident $type:ty, $name:literal;)*) => {
        /// An element type of ONNX; float16 and bfloat16 are widened to `F32` when loaded.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DataType { $(#[doc = $name] $variant),* }

        impl DataType {
            /// Returns NumPy's name of the type: "float32".
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
            /// Bytes per element.
            pub fn size(self) -> usize {
                match self { $(Self::$variant => size_of::<$type>()),* }
            }
        }

        /// Array of one of ONNX's element types; clones share the data.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Tensor { $(#[doc = concat!("Elements of ", $name, ".")] $variant(Shared<$type>)),* }

        impl Tensor {
            /// Returns the type of the elements.
            pub fn data_type(&self) -> DataType {
                match self { $(Self::$variant(_) => DataType::$variant),* }
            }
            /// Returns the lengths of the axes; empty for a single number.
            pub fn shape(&self) -> &[usize] {
                match self { $(Self::$variant(a) => a.shape()),* }
            }
            /// Returns the elements under another shape of the same size, without a copy.
            pub fn reshape(self, shape: &[usize]) -> Result<Tensor> {
                let from = self.shape().to_vec();
                match self { $(Self::$variant(a) => a.into_shape_with_order(shape).map(Self::$variant)),* }
                    .map_err(|_| Error::new(format!("{from:?} cannot be reshaped to {shape:?}")))
            }
            /// Returns the tensor with its axes in another order: axis `n` of the result is axis `order[n]`. `None` if that is
            /// no order of all axes.
            pub fn transpose(&self, order: &[usize]) -> Option<Tensor> {
                let mut sorted = order.to_vec();
                sorted.sort_unstable();
                if !sorted.iter().copied().eq(0..self.rank()) {
                    return None;
                }
                // Axes of length 1 may move without a copy.
                let long = |axis: &&usize| self.shape()[**axis] != 1;
                if order.iter().filter(long).is_sorted() {
                    let shape: Vec<usize> = order.iter().map(|&axis| self.shape()[axis]).collect();
                    return self.clone().reshape(&shape).ok();
                }
                Some(match self { $(Self::$variant(a) => Self::$variant(
                    a.view().permuted_axes(order).as_standard_layout().into_owned().into_shared()
                )),* })
            }
            /// Returns zeros (or `false`) of a type and shape.
            pub fn zeros(data_type: DataType, shape: &[usize]) -> Tensor {
                match data_type { $(DataType::$variant => Tensor::$variant(Shared::from_elem(shape, <$type>::default()))),* }
            }
        }

        $(impl Element for $type {
            const TYPE: DataType = DataType::$variant;
            fn wrap(array: Shared<$type>) -> Tensor { Tensor::$variant(array) }
            fn of(tensor: &Tensor) -> Option<&Shared<$type>> {
                match tensor { Tensor::$variant(a) => Some(a), _ => None }
            }
            fn take(tensor: Tensor) -> Result<Shared<$type>, Tensor> {
                match tensor { Tensor::$variant(a) => Ok(a), other => Err(other) }
            }
        })*
    };
}

tensor! {
    F32 f32, "float32";
    F64 f64, "float64";
    I8 i8, "int8";
    I16 i16, "int16";
    I32 i32, "int32";
    I64 i64, "int64";
    U8 u8, "uint8";
    U16 u16, "uint16";
    U32 u32, "uint32";
    U64 u64, "uint64";
    Bool bool, "bool";
}

impl DataType {
    /// Finds the type of a number of `TensorProto.DataType`, as attributes and files contain it.
    pub fn from_onnx(number: i64) -> Option<DataType> {
        Some(match number {
            // float16 and bfloat16 (10, 16) are widened.
            1 | 10 | 16 => DataType::F32,
            2 => DataType::U8,
            3 => DataType::I8,
            4 => DataType::U16,
            5 => DataType::I16,
            6 => DataType::I32,
            7 => DataType::I64,
            9 => DataType::Bool,
            11 => DataType::F64,
            12 => DataType::U32,
            13 => DataType::U64,
            _ => return None,
        })
    }

    /// Returns the number of `TensorProto.DataType`.
    pub fn to_onnx(self) -> i64 {
        match self {
            DataType::F32 => 1,
            DataType::U8 => 2,
            DataType::I8 => 3,
            DataType::U16 => 4,
            DataType::I16 => 5,
            DataType::I32 => 6,
            DataType::I64 => 7,
            DataType::Bool => 9,
            DataType::F64 => 11,
            DataType::U32 => 12,
            DataType::U64 => 13,
        }
    }
}

/// A Rust type that a tensor can hold.
pub trait Element: Copy + Default + PartialEq + Send + Sync + std::fmt::Debug + 'static {
    /// Corresponding ONNX type.
    const TYPE: DataType;
    /// Makes a tensor of an array in row-major layout.
    fn wrap(array: Shared<Self>) -> Tensor;
    /// Returns the array if the type fits.
    fn of(tensor: &Tensor) -> Option<&Shared<Self>>;
    /// Returns the array if the type fits, else the tensor.
    fn take(tensor: Tensor) -> Result<Shared<Self>, Tensor>;
}

impl Tensor {
    /// Makes a tensor of elements in row-major order. Fails if their number does not fit the shape.
    pub fn new<T: Element>(shape: &[usize], elements: Vec<T>) -> Result<Tensor> {
        let count = elements.len();
        ArrayD::from_shape_vec(shape, elements)
            .map(|a| T::wrap(a.into_shared()))
            .map_err(|_| Error::new(format!("{count} elements do not fill shape {shape:?}")))
    }

    /// Makes a tensor of one number, without axes.
    pub fn scalar<T: Element>(value: T) -> Tensor {
        T::wrap(ArcArray::from_elem(IxDyn(&[]), value))
    }

    /// Makes a tensor of an array in any layout.
    pub fn from_array<T: Element>(array: ArrayD<T>) -> Tensor {
        let array = if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() };
        T::wrap(array.into_shared())
    }

    /// Counts the axes.
    pub fn rank(&self) -> usize {
        self.shape().len()
    }

    /// Counts the elements.
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Returns `true` for tensors without elements: one axis has length 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the array if the type is `T`.
    pub fn array<T: Element>(&self) -> Option<&Shared<T>> {
        T::of(self)
    }

    /// Returns the elements in row-major order if the type is `T`.
    #[expect(clippy::expect_used, reason = "standard layout is the invariant of this type")]
    pub fn slice<T: Element>(&self) -> Option<&[T]> {
        T::of(self).map(|a| a.as_slice().expect("tensors are in standard layout"))
    }

    /// Returns the elements for writing if the type is `T`: without a copy if they are not shared.
    pub fn into_vec<T: Element>(self) -> Option<Vec<T>> {
        match self.into_unshared_vec() {
            Ok(elements) => Some(elements),
            Err(shared) => shared.slice::<T>().map(<[T]>::to_vec),
        }
    }

    /// Returns the elements if the type is `T` and they are not shared, else the tensor.
    pub fn into_unshared_vec<T: Element>(self) -> Result<Vec<T>, Tensor> {
        match T::take(self)?.try_into_owned_nocopy() {
            Ok(owned) => {
                let (elements, offset) = owned.into_raw_vec_and_offset();
                debug_assert!(offset.unwrap_or(0) == 0);
                Ok(elements)
            }
            Err(shared) => Err(T::wrap(shared)),
        }
    }

    /// Converts integers of any width (and bool) to i64, for shapes, axes and indices.
    pub fn to_i64s(&self) -> Option<Vec<i64>> {
        Some(match self {
            Tensor::I8(a) => a.iter().map(|&v| v.into()).collect(),
            Tensor::I16(a) => a.iter().map(|&v| v.into()).collect(),
            Tensor::I32(a) => a.iter().map(|&v| v.into()).collect(),
            Tensor::I64(a) => a.iter().copied().collect(),
            Tensor::U8(a) => a.iter().map(|&v| v.into()).collect(),
            Tensor::U16(a) => a.iter().map(|&v| v.into()).collect(),
            Tensor::U32(a) => a.iter().map(|&v| v.into()).collect(),
            Tensor::Bool(a) => a.iter().map(|&v| v.into()).collect(),
            Tensor::F32(_) | Tensor::F64(_) | Tensor::U64(_) => return None,
        })
    }
}
