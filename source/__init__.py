"""The course's NumPy package: small, pure functions in forward/backward pairs.

One vocabulary everywhere: N samples, D inputs, H or M units, C classes; `x` comes in, `out` goes out,
`dout` is the gradient of the loss with respect to `out`, and `dx` the one with respect to `x`.
A pair is `name_forward(x, ...) -> (out, cache)` and `name_backward(dout, cache) -> gradients`.
"""
