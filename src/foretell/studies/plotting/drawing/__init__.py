"""What every figure is made of: the style, the sheet, captions, curves and matrices."""
