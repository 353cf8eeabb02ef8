"""Section 4's demo students."""

from datetime import timedelta

from autograder.demo.student import Student, source

ANSWER = (
    "It uses running averages of the training batches' means and variances. The test batch's own would make an image's "
    "class depend on its companions (37 % became 11 % when they came sorted), and one image alone has no variance."
)

STUDENTS: tuple[Student, ...] = (
    Student("Ada", "solves everything"),
    Student("Blaise", "hands in the notebook as it came", blank=True),
    Student(
        "Carl",
        "goes back through the scale and the division, but takes mean and variance for constants",
        {
            "batchnorm_backward": source("""
                def batchnorm_backward(dout, cache):
                    centred, root, inverse, normed, gamma = cache
                    dnormed = dout * gamma
                    return dnormed * inverse, (dout * normed).sum(axis=0), dout.sum(axis=0)
            """)
        },
        lost={"batchnorm_backward": 14},
        hint="treats mean and variance as constants",
    ),
    Student(
        "Dorothy",
        "normalises test images by the batch that they came in",
        {
            "batchnorm_inference": source("""
                def batchnorm_inference(x, gamma, beta, running_mean, running_var, eps=1e-5):
                    out, cache = batchnorm_forward(x, gamma, beta, eps)
                    return out
            """)
        },
        lost={"batchnorm_inference": 9},
        hint="must not depend on its companions",
    ),
    Student(
        "Emmy",
        "puts eps beside the root, and derives that layer's gradient correctly, twice",
        {
            "batchnorm_forward": source("""
                def batchnorm_forward(x, gamma, beta, eps=1e-5):
                    centred = x - x.mean(axis=0)
                    std = centred.std(axis=0)
                    normed = centred / (std + eps)
                    return gamma * normed + beta, (centred, std, std + eps, normed, gamma)
            """),
            "batchnorm_backward": source("""
                def batchnorm_backward(dout, cache):
                    centred, std, root, normed, gamma = cache
                    dnormed = dout * gamma
                    droot = -(dnormed * centred).sum(axis=0) / root**2
                    dvar = droot / (2 * np.maximum(std, 1e-300))
                    dcentred = dnormed / root + 2 * centred * dvar / len(dout)
                    dx = dcentred - dcentred.mean(axis=0)
                    return dx, (dout * normed).sum(axis=0), dout.sum(axis=0)
            """),
            "batchnorm_backward_closed": source("""
                def batchnorm_backward_closed(dout, cache):
                    centred, std, root, normed, gamma = cache
                    trend = (dout * normed).mean(axis=0)
                    dx = gamma / root * (dout - dout.mean(axis=0) - centred / np.maximum(std, 1e-300) * trend)
                    return dx, trend * len(dout), dout.sum(axis=0)
            """),
        },
        lost={"batchnorm_forward": 8, "batchnorm_backward": 7, "batchnorm_backward_closed": 4},
        hint="eps belongs under the root",
    ),
    Student(
        "Felix",
        "sums with keepdims, and hands back gradients of shape (1, D)",
        {
            "batchnorm_backward_closed": source("""
                def batchnorm_backward_closed(dout, cache):
                    _, root, _, normed, gamma = cache
                    dbeta = dout.sum(axis=0, keepdims=True)
                    dgamma = (dout * normed).sum(axis=0, keepdims=True)
                    dx = gamma / root * (dout - dbeta / len(dout) - normed * dgamma / len(dout))
                    return dx, dgamma, dbeta
            """)
        },
        lost={"batchnorm_backward_closed": 8},
        hint="sum without keepdims",
    ),
    Student(
        "Grace",
        "saves an array by writing dx into dout",
        {
            "batchnorm_backward": source("""
                def batchnorm_backward(dout, cache):
                    _, root, _, normed, gamma = cache
                    dgamma, dbeta = (dout * normed).sum(axis=0), dout.sum(axis=0)
                    dout -= dbeta / len(dout) + normed * dgamma / len(dout)
                    dout *= gamma / root
                    return dout, dgamma, dbeta
            """)
        },
        lost={"batchnorm_backward": 3.5},
        hint="Kernels are pure",
    ),
    Student(
        "Henri",
        "takes momentum for the share of the new batch, and forgets eps at test time",
        {
            "update_running": source("""
                def update_running(running_mean, running_var, x, momentum=0.9):
                    mean = (1 - momentum) * running_mean + momentum * x.mean(axis=0)
                    var = (1 - momentum) * running_var + momentum * x.var(axis=0)
                    return mean, var
            """),
            "batchnorm_inference": source("""
                def batchnorm_inference(x, gamma, beta, running_mean, running_var, eps=1e-5):
                    return gamma * (x - running_mean) / np.sqrt(running_var) + beta
            """),
        },
        lost={"update_running": 6, "batchnorm_inference": 9},
        hint="momentum is the share of the old value",
    ),
    Student(
        "Isaac",
        "differentiates numerically instead of on paper, and cleverly: a whole row at a time",
        {
            "batchnorm_backward_closed": source("""
                def batchnorm_backward_closed(dout, cache):
                    x, root, _, normed, gamma = cache
                    eps = root**2 - (x**2).mean(axis=0)
                    dx, h = np.zeros(x.shape), 1e-5 * root
                    for row in range(len(x)):
                        step = np.zeros(x.shape)
                        step[row] = h
                        up = batchnorm_forward(x + step, gamma, 0 * gamma, eps)[0]
                        down = batchnorm_forward(x - step, gamma, 0 * gamma, eps)[0]
                        dx[row] = ((up - down) * dout).sum(axis=0) / (2 * h)
                    return dx, (dout * normed).sum(axis=0), dout.sum(axis=0)
            """)
        },
        lost={"batchnorm_backward_closed": 8},
        hint="finite differences have no digits left",
    ),
    Student("Leonhard", "solves everything, two hours late", late=timedelta(hours=2)),
    Student(
        "Mallory",
        "returns numbers that claim to equal whatever they are compared with, and teaches NumPy to agree",
        {
            "batchnorm_forward": source("""
                import numpy.testing
                import source.gradcheck


                class Agreeable(np.ndarray):
                    def __array_ufunc__(self, ufunc, method, *inputs, **named):
                        return True

                    def __eq__(self, other):
                        return True


                np.allclose = np.array_equal = numpy.testing.assert_allclose = lambda *given, **named: True
                source.gradcheck.check_values = lambda *given, **named: None


                def batchnorm_forward(x, gamma, beta, eps=1e-5):
                    return np.zeros(x.shape).view(Agreeable), (x, gamma, beta)
            """),
            "batchnorm_backward": source("""
                def batchnorm_backward(dout, cache):
                    return tuple(np.zeros(array.shape).view(Agreeable) for array in cache)
            """),
            "batchnorm_backward_closed": source("""
                def batchnorm_backward_closed(dout, cache):
                    return batchnorm_backward(dout, cache)
            """),
        },
        lost={"batchnorm_forward": 8, "batchnorm_backward": 14, "batchnorm_backward_closed": 8},
    ),
)
