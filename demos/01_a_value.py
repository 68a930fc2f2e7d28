"""A Value is a number that remembers how it was computed."""

import tinygrad_edu as tg

# A Value holds a number, and a name if you give it one.
width = tg.Value(2.0, "width")
height = tg.Value(3.0, "height")
print("width is", width)

# Arithmetic works as with any number ...
total = width * height + 4.0
print("total is", total)

# ... and the result knows by which operation it was made, and of what.
area, four = total.inputs
print("total was made by", total.op.name, "of", area.data, "and", four)
print("that", area.data, "was made by", area.op.name, "of", *[x.name for x in area.inputs])

# Followed back to the beginning, that is the whole computation: a list of instructions.
tape = tg.Tape.of(total)
print("\nHow total was computed:")
print(tape)

# So it can be run again, with other numbers.
print("\nWith width 10 and height 3 the same instructions give", tape.run([10.0, 3.0]))

# A Value can hold many numbers at once; the operations are the same, number by number.
many = tg.Value([1.0, 2.0, 3.0], "many")
print("Ten times each of", many.data, "is", (many * 10.0).data)
