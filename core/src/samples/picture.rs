//! Picture of 8-bit red, green and blue, and the moves of pixels that resizing and cropping need. No arithmetic on colours.

/// Rows of pixels, from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    /// Red, green and blue of each pixel.
    bytes: Vec<u8>,
}

impl Picture {
    /// Makes a picture of rows of red, green and blue, as many as its size needs: those that lack are black.
    pub fn new(width: u32, height: u32, mut bytes: Vec<u8>) -> Picture {
        bytes.resize(3 * width as usize * height as usize, 0);
        Picture { width, height, bytes }
    }

    /// Makes a black picture.
    pub fn black(width: u32, height: u32) -> Picture {
        Picture { width, height, bytes: vec![0; 3 * width as usize * height as usize] }
    }

    /// Makes a picture of one colour.
    pub fn filled(width: u32, height: u32, color: [u8; 3]) -> Picture {
        Picture { width, height, bytes: color.repeat(width as usize * height as usize) }
    }

    /// Returns width and height.
    pub fn dimensions(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Iterates over the pixels, row by row.
    pub fn pixels(&self) -> impl Iterator<Item = [u8; 3]> {
        self.bytes.as_chunks().0.iter().copied()
    }

    /// Iterates over the pixels, to change them.
    pub fn pixels_mut(&mut self) -> impl Iterator<Item = &mut [u8; 3]> {
        self.bytes.as_chunks_mut().0.iter_mut()
    }

    /// Iterates over the bytes of the rows.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(row(self.width))
    }

    /// Iterates over the bytes of the rows, to change them.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.bytes.chunks_exact_mut(row(self.width))
    }

    /// Returns the bytes of a row; there are none below the last.
    pub fn row_mut(&mut self, y: u32) -> &mut [u8] {
        self.rows_mut().nth(y as usize).unwrap_or_default()
    }

    /// Exchanges rows and columns.
    pub fn transposed(&self) -> Picture {
        let (pixels, width) = (self.bytes.as_chunks::<3>().0, self.width as usize);
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for x in 0..width {
            pixels.iter().skip(x).step_by(width).for_each(|pixel| bytes.extend_from_slice(pixel));
        }
        Picture { width: self.height, height: self.width, bytes }
    }

    /// Returns the part that begins `x` pixels from the left and `y` from the top. It is within the picture.
    pub fn part(&self, x: u32, y: u32, width: u32, height: u32) -> Picture {
        let columns = 3 * x as usize..3 * (x as usize + width as usize);
        let rows = self.rows().skip(y as usize).take(height as usize);
        let parts: Vec<&[u8]> = rows.filter_map(|row| row.get(columns.clone())).collect();
        Picture::new(width, height, parts.concat())
    }

    /// Puts a picture over this one, `x` pixels from the left and `y` from the top. It is within this one.
    pub fn overlay(&mut self, other: &Picture, x: u32, y: u32) {
        let columns = 3 * x as usize..3 * (x as usize + other.width as usize);
        for (to, from) in self.rows_mut().skip(y as usize).zip(other.rows()) {
            if let Some(to) = to.get_mut(columns.clone()) {
                to.copy_from_slice(from);
            }
        }
    }
}

/// Bytes of a row; chunks cannot be empty.
fn row(width: u32) -> usize {
    3 * width.max(1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gray levels of rows of three pixels.
    fn gray(levels: &[u8]) -> Picture {
        let bytes = levels.iter().flat_map(|&level| [level; 3]).collect();
        Picture::new(3, levels.len() as u32 / 3, bytes)
    }

    fn levels(picture: &Picture) -> Vec<u8> {
        picture.pixels().map(|[red, _, _]| red).collect()
    }

    #[test]
    fn pixels_move() {
        let picture = gray(&[1, 2, 3, 4, 5, 6]);
        assert_eq!(picture.transposed().dimensions(), (2, 3));
        assert_eq!(levels(&picture.transposed()), [1, 4, 2, 5, 3, 6]);
        assert_eq!(picture.part(1, 0, 2, 2), picture.part(1, 0, 2, 2).transposed().transposed());
        assert_eq!(levels(&picture.part(1, 1, 2, 1)), [5, 6]);
        let mut framed = Picture::filled(3, 3, [9; 3]);
        framed.overlay(&picture.part(0, 0, 2, 1), 1, 2);
        assert_eq!(levels(&framed), [9, 9, 9, 9, 9, 9, 9, 1, 2]);
    }
}
