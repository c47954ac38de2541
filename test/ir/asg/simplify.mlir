// RUN: asgc-opt %s --split-input-file --asg-simplify | FileCheck %s
// RUN: asgc-opt %s --split-input-file --asg-simplify=reciprocals | FileCheck %s --check-prefix=RECIPROCALS

// x + 0, x · 1, x / 1, −(−x), x + (−y), 0 − x.
// CHECK-LABEL: asg.graph @identities
// CHECK-SAME:    (%[[X:.*]]: tensor<4xf32> {{.*}}, %[[Y:.*]]: tensor<4xf32>
asg.graph @identities(%x: tensor<4xf32> {asg.name = "x"}, %y: tensor<4xf32> {asg.name = "y"})
    -> (tensor<4xf32> {asg.name = "a"}, tensor<4xf32> {asg.name = "b"}, tensor<4xf32> {asg.name = "c"}) {
  // CHECK-NEXT: %[[B:.*]] = asg.sub %[[X]], %[[Y]]
  // CHECK-NEXT: %[[C:.*]] = asg.neg %[[X]]
  // CHECK-NEXT: asg.return %[[X]], %[[B]], %[[C]]
  %zero = asg.constant dense<0.0> : tensor<4xf32>
  %one = asg.constant dense<1.0> : tensor<4xf32>
  %0 = asg.add %x, %zero : tensor<4xf32>
  %1 = asg.mul %one, %0 : tensor<4xf32>
  %2 = asg.div %1, %one : tensor<4xf32>
  %3 = asg.neg %2 : tensor<4xf32>
  %a = asg.neg %3 : tensor<4xf32>
  %4 = asg.neg %y : tensor<4xf32>
  %b = asg.add %x, %4 : tensor<4xf32>
  %c = asg.sub %zero, %x : tensor<4xf32>
  asg.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// NaN · 0 is NaN, so x · 0 stays for floats; for integers it is 0.
// CHECK-LABEL: asg.graph @zero
asg.graph @zero(%x: tensor<4xf32> {asg.name = "x"}, %i: tensor<4xi32> {asg.name = "i"})
    -> (tensor<4xf32> {asg.name = "a"}, tensor<4xi32> {asg.name = "b"}) {
  // CHECK: %[[Z:.*]] = asg.constant dense<0> : tensor<4xi32>
  // CHECK: %[[A:.*]] = asg.mul
  // CHECK: asg.return %[[A]], %[[Z]]
  %zero = asg.constant dense<0.0> : tensor<4xf32>
  %izero = asg.constant dense<0> : tensor<4xi32>
  %a = asg.mul %x, %zero : tensor<4xf32>
  %b = asg.mul %i, %izero : tensor<4xi32>
  asg.return %a, %b : tensor<4xf32>, tensor<4xi32>
}

// -----

// 1/4 is exact; 1/3 is not, and needs the option.
// CHECK-LABEL: asg.graph @division
// RECIPROCALS-LABEL: asg.graph @division
asg.graph @division(%x: tensor<4xf32> {asg.name = "x"})
    -> (tensor<4xf32> {asg.name = "a"}, tensor<4xf32> {asg.name = "b"}) {
  // CHECK-DAG: %[[Q:.*]] = asg.constant dense<2.500000e-01>
  // CHECK-DAG: %[[T:.*]] = asg.constant dense<3.000000e+00>
  // CHECK-DAG: asg.mul %{{.*}}, %[[Q]]
  // CHECK-DAG: asg.div %{{.*}}, %[[T]]
  // RECIPROCALS-NOT: asg.div
  // RECIPROCALS: asg.return
  %four = asg.constant dense<4.0> : tensor<4xf32>
  %three = asg.constant dense<3.0> : tensor<4xf32>
  %a = asg.div %x, %four : tensor<4xf32>
  %b = asg.div %x, %three : tensor<4xf32>
  asg.return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// -----

// CHECK-LABEL: asg.graph @powers
// CHECK-SAME:    (%[[X:.*]]: tensor<4xf32>
asg.graph @powers(%x: tensor<4xf32> {asg.name = "x"})
    -> (tensor<4xf32> {asg.name = "a"}, tensor<4xf32> {asg.name = "b"}) {
  // CHECK-NEXT: %[[S:.*]] = asg.mul %[[X]], %[[X]]
  // CHECK-NEXT: %[[C:.*]] = asg.mul %[[S]], %[[X]]
  // CHECK-NEXT: asg.return %[[S]], %[[C]]
  %two = asg.constant dense<2.0> : tensor<4xf32>
  %three = asg.constant dense<3.0> : tensor<4xf32>
  %a = asg.pow %x, %two : tensor<4xf32>
  %b = asg.pow %x, %three : tensor<4xf32>
  asg.return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// -----

// Constants are computed, through broadcasts of run-time extent as well.
// CHECK-LABEL: asg.graph @constants
asg.graph @constants(%x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"})
    -> (tensor<?xf32, #asg.dims<n>> {asg.name = "y"}) dims = {n = 8} {
  // CHECK-NEXT: %[[C:.*]] = asg.constant dense<8.000000e+00> : tensor<f32>
  // CHECK-NEXT: %[[B:.*]] = asg.broadcast %[[C]] dims []
  // CHECK-NEXT: %[[Y:.*]] = asg.add %{{.*}}, %[[B]]
  // CHECK-NEXT: asg.return %[[Y]]
  %two = asg.constant dense<2.0> : tensor<f32>
  %0 = asg.broadcast %two dims [] : (tensor<f32>) -> tensor<?xf32, #asg.dims<n>>
  %i = asg.constant dense<4> : tensor<i32>
  %1 = asg.cast %i : tensor<i32> to tensor<f32>
  %2 = asg.broadcast %1 dims [] : (tensor<f32>) -> tensor<?xf32, #asg.dims<n>>
  %3 = asg.mul %0, %2 : tensor<?xf32, #asg.dims<n>>
  %4 = asg.add %x, %3 : tensor<?xf32, #asg.dims<n>>
  asg.return %4 : tensor<?xf32, #asg.dims<n>>
}

// -----

// CHECK-LABEL: asg.graph @transposes
// CHECK-SAME:    (%[[X:.*]]: tensor<2x3x5xf32>
asg.graph @transposes(%x: tensor<2x3x5xf32> {asg.name = "x"}) -> (tensor<5x2x3xf32> {asg.name = "y"}) {
  // CHECK-NEXT: %[[Y:.*]] = asg.transpose %[[X]] perm [2, 0, 1]
  // CHECK-NEXT: asg.return %[[Y]]
  %0 = asg.transpose %x perm [1, 0, 2] : (tensor<2x3x5xf32>) -> tensor<3x2x5xf32>
  %1 = asg.transpose %0 perm [2, 1, 0] : (tensor<3x2x5xf32>) -> tensor<5x2x3xf32>
  asg.return %1 : tensor<5x2x3xf32>
}

// -----

// The transposed operands of a dot, and its transposed result.
// CHECK-LABEL: asg.graph @dot
// CHECK-SAME:    (%[[X:.*]]: tensor<7x4xf32> {{.*}}, %[[W:.*]]: tensor<3x7xf32>
asg.graph @dot(%x: tensor<7x4xf32> {asg.name = "x"}, %w: tensor<3x7xf32> {asg.name = "w"})
    -> (tensor<3x4xf32> {asg.name = "y"}) {
  // CHECK-NEXT: %[[Y:.*]] = asg.dot %[[W]], %[[X]] batch [] x [] contract [1] x [0]
  // CHECK-NEXT: asg.return %[[Y]]
  %xt = asg.transpose %x perm [1, 0] : (tensor<7x4xf32>) -> tensor<4x7xf32>
  %wt = asg.transpose %w perm [1, 0] : (tensor<3x7xf32>) -> tensor<7x3xf32>
  %0 = asg.dot %xt, %wt batch [] x [] contract [1] x [0] : (tensor<4x7xf32>, tensor<7x3xf32>) -> tensor<4x3xf32>
  %1 = asg.transpose %0 perm [1, 0] : (tensor<4x3xf32>) -> tensor<3x4xf32>
  asg.return %1 : tensor<3x4xf32>
}

// -----

// Heads split by a transpose become batch axes of the dot.
// CHECK-LABEL: asg.graph @heads
// CHECK-SAME:    (%[[Q:.*]]: tensor<2x5x3x4xf32> {{.*}}, %[[K:.*]]: tensor<2x5x3x4xf32>
asg.graph @heads(%q: tensor<2x5x3x4xf32> {asg.name = "q"}, %k: tensor<2x5x3x4xf32> {asg.name = "k"})
    -> (tensor<2x3x5x5xf32> {asg.name = "y"}) {
  // CHECK-NEXT: %[[Y:.*]] = asg.dot %[[Q]], %[[K]] batch [0, 2] x [0, 2] contract [3] x [3]
  // CHECK-NEXT: asg.return %[[Y]]
  %0 = asg.transpose %q perm [0, 2, 1, 3] : (tensor<2x5x3x4xf32>) -> tensor<2x3x5x4xf32>
  %1 = asg.transpose %k perm [0, 2, 3, 1] : (tensor<2x5x3x4xf32>) -> tensor<2x3x4x5xf32>
  %2 = asg.dot %0, %1 batch [0, 1] x [0, 1] contract [3] x [2] : (tensor<2x3x5x4xf32>, tensor<2x3x4x5xf32>) -> tensor<2x3x5x5xf32>
  asg.return %2 : tensor<2x3x5x5xf32>
}

// -----

// What is kept as an axis of extent 1 is computed without it.
// CHECK-LABEL: asg.graph @keep
// CHECK-SAME:    (%[[X:.*]]: tensor<4x8xf32>
asg.graph @keep(%x: tensor<4x8xf32> {asg.name = "x"}) -> (tensor<4x8xf32> {asg.name = "y"}) {
  // CHECK-NEXT: %[[S:.*]] = asg.reduce_sum %[[X]] axes [1]
  // CHECK-NEXT: %[[R:.*]] = asg.rsqrt %[[S]] : tensor<4xf32>
  // CHECK-NEXT: %[[B:.*]] = asg.broadcast %[[R]] dims [0] : (tensor<4xf32>) -> tensor<4x8xf32>
  // CHECK-NEXT: asg.mul %[[X]], %[[B]]
  %0 = asg.reduce_sum %x axes [1] : (tensor<4x8xf32>) -> tensor<4xf32>
  %1 = asg.reshape %0 : tensor<4xf32> to tensor<4x1xf32>
  %2 = asg.rsqrt %1 : tensor<4x1xf32>
  %3 = asg.broadcast %2 dims [0, 1] : (tensor<4x1xf32>) -> tensor<4x8xf32>
  %4 = asg.mul %x, %3 : tensor<4x8xf32>
  asg.return %4 : tensor<4x8xf32>
}

// -----

// Sums and maxima of repeated values; a reduction of a reduction; of a transpose.
// CHECK-LABEL: asg.graph @reductions
// CHECK-SAME:    (%[[X:.*]]: tensor<4xf32> {{.*}}, %[[Z:.*]]: tensor<2x3x5xf32>
asg.graph @reductions(%x: tensor<4xf32> {asg.name = "x"}, %z: tensor<2x3x5xf32> {asg.name = "z"})
    -> (tensor<4xf32> {asg.name = "a"}, tensor<4xf32> {asg.name = "b"}, tensor<3xf32> {asg.name = "c"}, tensor<3xf32> {asg.name = "d"}) {
  // CHECK-DAG: %[[N:.*]] = asg.constant dense<8.000000e+00> : tensor<4xf32>
  // CHECK-DAG: %[[A:.*]] = asg.mul %[[X]], %[[N]]
  // CHECK-DAG: %[[C:.*]] = asg.reduce_sum %[[Z]] axes [0, 2]
  // CHECK:     asg.return %[[A]], %[[X]], %[[C]], %[[C]]
  %0 = asg.broadcast %x dims [0] : (tensor<4xf32>) -> tensor<4x8xf32>
  %a = asg.reduce_sum %0 axes [1] : (tensor<4x8xf32>) -> tensor<4xf32>
  %b = asg.reduce_max %0 axes [1] : (tensor<4x8xf32>) -> tensor<4xf32>
  %1 = asg.reduce_sum %z axes [2] : (tensor<2x3x5xf32>) -> tensor<2x3xf32>
  %c = asg.reduce_sum %1 axes [0] : (tensor<2x3xf32>) -> tensor<3xf32>
  %2 = asg.transpose %z perm [2, 1, 0] : (tensor<2x3x5xf32>) -> tensor<5x3x2xf32>
  %d = asg.reduce_sum %2 axes [0, 2] : (tensor<5x3x2xf32>) -> tensor<3xf32>
  asg.return %a, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<3xf32>, tensor<3xf32>
}

// -----

// A mean over a run-time axis of a repeated value counts at run time.
// CHECK-LABEL: asg.graph @count
asg.graph @count(%x: tensor<f32> {asg.name = "x"}, %v: tensor<?xf32, #asg.dims<n>> {asg.name = "v"})
    -> (tensor<f32> {asg.name = "y"}) dims = {n = 8} {
  // CHECK-NEXT: %[[N:.*]] = asg.dim "n" : tensor<f32>
  // CHECK-NEXT: %[[Y:.*]] = asg.mul %{{.*}}, %[[N]]
  // CHECK-NEXT: asg.return %[[Y]]
  %0 = asg.broadcast %x dims [] : (tensor<f32>) -> tensor<?xf32, #asg.dims<n>>
  %1 = asg.reduce_sum %0 axes [0] : (tensor<?xf32, #asg.dims<n>>) -> tensor<f32>
  asg.return %1 : tensor<f32>
}

// -----

// What is the same along the axes is multiplied once: where nothing else needs the
// products, or the sum without it is there anyway.
// CHECK-LABEL: asg.graph @scaled_sum
// CHECK-SAME:    (%[[X:.*]]: tensor<4x8xf32> {{.*}}, %[[C:.*]]: tensor<8xf32>
asg.graph @scaled_sum(%x: tensor<4x8xf32> {asg.name = "x"}, %c: tensor<8xf32> {asg.name = "c"})
    -> (tensor<8xf32> {asg.name = "a"}, tensor<4x8xf32> {asg.name = "p"}, tensor<8xf32> {asg.name = "b"}, tensor<4xf32> {asg.name = "d"}) {
  // CHECK-NEXT: %[[B:.*]] = asg.broadcast %[[C]] dims [1]
  // CHECK-NEXT: %[[P:.*]] = asg.mul %[[X]], %[[B]]
  // CHECK-NEXT: %[[S:.*]] = asg.reduce_sum %[[X]] axes [0]
  // CHECK-NEXT: %[[A:.*]] = asg.mul %[[S]], %[[C]]
  // CHECK-NEXT: %[[D:.*]] = asg.reduce_sum %[[P]] axes [1]
  // CHECK-NEXT: asg.return %[[A]], %[[P]], %[[S]], %[[D]]
  %b = asg.broadcast %c dims [1] : (tensor<8xf32>) -> tensor<4x8xf32>
  %p = asg.mul %x, %b : tensor<4x8xf32>
  %a = asg.reduce_sum %p axes [0] : (tensor<4x8xf32>) -> tensor<8xf32>
  %s = asg.reduce_sum %x axes [0] : (tensor<4x8xf32>) -> tensor<8xf32>
  // Along these axes it is not the same.
  %d = asg.reduce_sum %p axes [1] : (tensor<4x8xf32>) -> tensor<4xf32>
  asg.return %a, %p, %s, %d : tensor<8xf32>, tensor<4x8xf32>, tensor<8xf32>, tensor<4xf32>
}

// -----

// Deviations from a mean add up to nothing, scaled or not; from another axis's mean
// they do not.
// CHECK-LABEL: asg.graph @deviations
// CHECK-SAME:    (%[[X:.*]]: tensor<?x8xf32
asg.graph @deviations(%x: tensor<?x8xf32, #asg.dims<n, 8>> {asg.name = "x"}, %c: tensor<?xf32, #asg.dims<n>> {asg.name = "c"})
    -> (tensor<?xf32, #asg.dims<n>> {asg.name = "a"}, tensor<8xf32> {asg.name = "b"}, tensor<?xf32, #asg.dims<n>> {asg.name = "d"}) dims = {n = 6} {
  // CHECK:      %[[ZERO:.*]] = asg.constant dense<0.0{{.*}}> : tensor<f32>
  // CHECK:      %[[A:.*]] = asg.broadcast %[[ZERO]] dims []
  // CHECK:      %[[B:.*]] = asg.constant dense<0.0{{.*}}> : tensor<8xf32>
  // CHECK:      %[[D:.*]] = asg.reduce_sum %{{.*}} axes [1]
  // CHECK-NEXT: asg.return %[[A]], %[[B]], %[[D]]
  %eight = asg.constant dense<8.0> : tensor<f32>
  %eights = asg.broadcast %eight dims [] : (tensor<f32>) -> tensor<?xf32, #asg.dims<n>>
  %sum = asg.reduce_sum %x axes [1] : (tensor<?x8xf32, #asg.dims<n, 8>>) -> tensor<?xf32, #asg.dims<n>>
  %mean = asg.div %sum, %eights : tensor<?xf32, #asg.dims<n>>
  %means = asg.broadcast %mean dims [0] : (tensor<?xf32, #asg.dims<n>>) -> tensor<?x8xf32, #asg.dims<n, 8>>
  %0 = asg.sub %x, %means : tensor<?x8xf32, #asg.dims<n, 8>>
  %cs = asg.broadcast %c dims [0] : (tensor<?xf32, #asg.dims<n>>) -> tensor<?x8xf32, #asg.dims<n, 8>>
  %1 = asg.mul %cs, %0 : tensor<?x8xf32, #asg.dims<n, 8>>
  %2 = asg.add %1, %1 : tensor<?x8xf32, #asg.dims<n, 8>>
  %a = asg.reduce_sum %2 axes [1] : (tensor<?x8xf32, #asg.dims<n, 8>>) -> tensor<?xf32, #asg.dims<n>>
  // Over the run-time dim, and the mean of nothing but zeros is one.
  %n = asg.dim "n" : tensor<f32>
  %ns = asg.broadcast %n dims [] : (tensor<f32>) -> tensor<8xf32>
  %sum0 = asg.reduce_sum %x axes [0] : (tensor<?x8xf32, #asg.dims<n, 8>>) -> tensor<8xf32>
  %mean0 = asg.div %sum0, %ns : tensor<8xf32>
  %means0 = asg.broadcast %mean0 dims [1] : (tensor<8xf32>) -> tensor<?x8xf32, #asg.dims<n, 8>>
  %3 = asg.sub %x, %means0 : tensor<?x8xf32, #asg.dims<n, 8>>
  %4 = asg.reduce_sum %3 axes [0] : (tensor<?x8xf32, #asg.dims<n, 8>>) -> tensor<8xf32>
  %b = asg.div %4, %ns : tensor<8xf32>
  %d = asg.reduce_sum %3 axes [1] : (tensor<?x8xf32, #asg.dims<n, 8>>) -> tensor<?xf32, #asg.dims<n>>
  asg.return %a, %b, %d : tensor<?xf32, #asg.dims<n>>, tensor<8xf32>, tensor<?xf32, #asg.dims<n>>
}

// -----

// The gradient of a rectifier asks the result for its sign, not the operand.
// CHECK-LABEL: asg.graph @rectifier
// CHECK-SAME:    (%[[X:.*]]: tensor<4xf32> {{.*}}, %[[DY:.*]]: tensor<4xf32>
asg.graph @rectifier(%x: tensor<4xf32> {asg.name = "x"}, %dy: tensor<4xf32> {asg.name = "dy"})
    -> (tensor<4xf32> {asg.name = "y"}, tensor<4xf32> {asg.name = "dx"}) {
  // CHECK: %[[Z:.*]] = asg.constant dense<0.0
  // CHECK: %[[C:.*]] = asg.compare gt, %[[X]], %[[Z]]
  // CHECK: %[[Y:.*]] = asg.select %[[C]], %[[X]], %[[Z]]
  // CHECK: %[[M:.*]] = asg.compare gt, %[[Y]], %[[Z]]
  // CHECK: asg.select %[[M]], %[[DY]], %[[Z]]
  %zero = asg.constant dense<0.0> : tensor<4xf32>
  %0 = asg.compare gt, %x, %zero : tensor<4xf32>
  %1 = asg.select %0, %x, %zero : tensor<4xi1>, tensor<4xf32>
  %2 = asg.select %0, %dy, %zero : tensor<4xi1>, tensor<4xf32>
  asg.return %1, %2 : tensor<4xf32>, tensor<4xf32>
}

// -----

// One index a row: gather goes through what is computed per element, scatter_add
// becomes a select.
// CHECK-LABEL: asg.graph @pick
// CHECK-SAME:    (%[[X:.*]]: tensor<4x8xf32> {{.*}}, %[[M:.*]]: tensor<4xf32> {{.*}}, %[[I:.*]]: tensor<4xi64>
asg.graph @pick(%x: tensor<4x8xf32> {asg.name = "x"}, %m: tensor<4xf32> {asg.name = "m"}, %i: tensor<4xi64> {asg.name = "i"})
    -> (tensor<4xf32> {asg.name = "y"}, tensor<4x8xf32> {asg.name = "z"}) {
  // CHECK:     %[[G:.*]] = asg.gather %[[X]], %[[I]] axis 1 batch_dims 1
  // CHECK:     %[[Y:.*]] = asg.sub %[[G]], %[[M]] : tensor<4xf32>
  // CHECK:     asg.iota axis 1
  // CHECK:     asg.compare eq
  // CHECK:     %[[Z:.*]] = asg.select
  // CHECK-NOT: asg.scatter_add
  // CHECK:     asg.return %[[Y]], %[[Z]]
  %0 = asg.broadcast %m dims [0] : (tensor<4xf32>) -> tensor<4x8xf32>
  %1 = asg.sub %x, %0 : tensor<4x8xf32>
  %2 = asg.gather %1, %i axis 1 batch_dims 1 : (tensor<4x8xf32>, tensor<4xi64>) -> tensor<4xf32>
  %3 = asg.scatter_add %m, %i axis 1 batch_dims 1 : (tensor<4xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  asg.return %2, %3 : tensor<4xf32>, tensor<4x8xf32>
}

// -----

// A graph with gradients left is not touched: a gradient means the values it names.
// CHECK-LABEL: asg.graph @gradient
asg.graph @gradient(%x: tensor<f32> {asg.name = "x"}) -> (tensor<f32> {asg.name = "dx"}) {
  // CHECK: %[[A:.*]] = asg.mul
  // CHECK: asg.gradient %{{.*}} wrt %[[A]]
  %one = asg.constant dense<1.0> : tensor<f32>
  %0 = asg.mul %x, %one : tensor<f32>
  %1 = asg.exp %0 : tensor<f32>
  %2 = asg.gradient %1 wrt %0 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  asg.return %2 : tensor<f32>
}

// -----

// Slices of slices and of joined tensors; choices that are known.
// CHECK-LABEL: asg.graph @slices
// CHECK-SAME:    (%[[X:.*]]: tensor<16xf32> {{.*}}, %[[Y:.*]]: tensor<8xf32>
asg.graph @slices(%x: tensor<16xf32> {asg.name = "x"}, %y: tensor<8xf32> {asg.name = "y"})
    -> (tensor<2xf32> {asg.name = "a"}, tensor<4xf32> {asg.name = "b"}) {
  // CHECK-DAG: %[[A:.*]] = asg.slice %[[X]] starts [5] strides [6]
  // CHECK-DAG: %[[B:.*]] = asg.slice %[[Y]] starts [2] strides [1]
  // CHECK:     asg.return %[[A]], %[[B]]
  %0 = asg.slice %x starts [2] strides [3] : (tensor<16xf32>) -> tensor<4xf32>
  %a = asg.slice %0 starts [1] strides [2] : (tensor<4xf32>) -> tensor<2xf32>
  %1 = asg.concat %x, %y axis 0 : (tensor<16xf32>, tensor<8xf32>) -> tensor<24xf32>
  %b = asg.slice %1 starts [18] strides [1] : (tensor<24xf32>) -> tensor<4xf32>
  asg.return %a, %b : tensor<2xf32>, tensor<4xf32>
}

// -----

// What is cast to a narrow type piece by piece is cast as a whole, and pieces are
// views; what is widened is moved before that.
// CHECK-LABEL: asg.graph @casts
// CHECK-SAME:    (%[[X:.*]]: tensor<4x6xf32> {{.*}}, %[[H:.*]]: tensor<2x3xbf16>
asg.graph @casts(%x: tensor<4x6xf32> {asg.name = "x"}, %h: tensor<2x3xbf16> {asg.name = "h"})
    -> (tensor<4x3xbf16> {asg.name = "a"}, tensor<3x4xbf16> {asg.name = "b"},
        tensor<3x2xbf16> {asg.name = "c"}, tensor<2x5xf32> {asg.name = "d"},
        tensor<2x5xf32> {asg.name = "e"}) {
  // CHECK:     %[[NX:.*]] = asg.cast %[[X]] : tensor<4x6xf32> to tensor<4x6xbf16>
  // CHECK-DAG: %[[A:.*]] = asg.slice %[[NX]] starts [0, 0]
  // CHECK-DAG: %[[S:.*]] = asg.slice %[[NX]] starts [0, 3]
  // CHECK-DAG: %[[B:.*]] = asg.transpose %[[S]]
  // CHECK-DAG: %[[C:.*]] = asg.transpose %[[H]]
  // CHECK-DAG: %[[P:.*]] = asg.pad %[[H]] {{.*}} -> tensor<2x5xbf16>
  // CHECK-DAG: %[[D:.*]] = asg.cast %[[P]]
  // 0.1 is no bf16.
  // CHECK-DAG: %[[W:.*]] = asg.cast %[[H]]
  // CHECK-DAG: %[[E:.*]] = asg.pad %[[W]]
  // CHECK:     asg.return %[[A]], %[[B]], %[[C]], %[[D]], %[[E]]
  %0 = asg.slice %x starts [0, 0] strides [1, 1] : (tensor<4x6xf32>) -> tensor<4x3xf32>
  %a = asg.cast %0 : tensor<4x3xf32> to tensor<4x3xbf16>
  %1 = asg.slice %x starts [0, 3] strides [1, 1] : (tensor<4x6xf32>) -> tensor<4x3xf32>
  %2 = asg.cast %1 : tensor<4x3xf32> to tensor<4x3xbf16>
  %b = asg.transpose %2 perm [1, 0] : (tensor<4x3xbf16>) -> tensor<3x4xbf16>
  %3 = asg.cast %h : tensor<2x3xbf16> to tensor<2x3xf32>
  %4 = asg.transpose %3 perm [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %c = asg.cast %4 : tensor<3x2xf32> to tensor<3x2xbf16>
  %d = asg.pad %3 low [0, 1] high [0, 1] interior [0, 0] value 0.0 : (tensor<2x3xf32>) -> tensor<2x5xf32>
  %e = asg.pad %3 low [0, 1] high [0, 1] interior [0, 0] value 0.1 : (tensor<2x3xf32>) -> tensor<2x5xf32>
  asg.return %a, %b, %c, %d, %e
    : tensor<4x3xbf16>, tensor<3x4xbf16>, tensor<3x2xbf16>, tensor<2x5xf32>, tensor<2x5xf32>
}

// -----

// A part alone is cast alone, and so is what is needed in both types.
// CHECK-LABEL: asg.graph @kept_casts
asg.graph @kept_casts(%x: tensor<4x6xf32> {asg.name = "x"}, %y: tensor<4x6xf32> {asg.name = "y"})
    -> (tensor<4x3xbf16> {asg.name = "a"}, tensor<6x4xbf16> {asg.name = "b"},
        tensor<6x4xf32> {asg.name = "c"}) {
  // CHECK-DAG: asg.cast %{{.*}} : tensor<4x3xf32> to tensor<4x3xbf16>
  // CHECK-DAG: asg.cast %{{.*}} : tensor<6x4xf32> to tensor<6x4xbf16>
  %0 = asg.slice %x starts [0, 0] strides [1, 1] : (tensor<4x6xf32>) -> tensor<4x3xf32>
  %a = asg.cast %0 : tensor<4x3xf32> to tensor<4x3xbf16>
  %c = asg.transpose %y perm [1, 0] : (tensor<4x6xf32>) -> tensor<6x4xf32>
  %b = asg.cast %c : tensor<6x4xf32> to tensor<6x4xbf16>
  asg.return %a, %b, %c : tensor<4x3xbf16>, tensor<6x4xbf16>, tensor<6x4xf32>
}

// -----

// The gradient of what was split in three is put together again, whatever the order of
// the sum; parts that lie apart or on each other are added.
// CHECK-LABEL: asg.graph @parts
// CHECK-SAME:    (%[[X:.*]]: tensor<2x3xf32> {{.*}}, %[[Y:.*]]: tensor<2x3xf32> {{.*}}, %[[Z:.*]]: tensor<2x3xf32>
asg.graph @parts(%x: tensor<2x3xf32> {asg.name = "x"}, %y: tensor<2x3xf32> {asg.name = "y"},
                 %z: tensor<2x3xf32> {asg.name = "z"})
    -> (tensor<2x9xf32> {asg.name = "a"}, tensor<2x9xf32> {asg.name = "b"}, tensor<2x3xf32> {asg.name = "c"}) {
  // CHECK-DAG: %[[A:.*]] = asg.concat %[[X]], %[[Y]], %[[Z]] axis 1
  // CHECK-DAG: %[[PX:.*]] = asg.pad %[[X]]
  // CHECK-DAG: %[[PZ:.*]] = asg.pad %[[Z]]
  // CHECK-DAG: %[[B:.*]] = asg.add %[[PX]], %[[PZ]]
  // CHECK-DAG: %[[C:.*]] = asg.add %[[X]], %[[Z]]
  // CHECK:     asg.return %[[A]], %[[B]], %[[C]]
  %px = asg.pad %x low [0, 0] high [0, 6] interior [0, 0] value 0.0 : (tensor<2x3xf32>) -> tensor<2x9xf32>
  %py = asg.pad %y low [0, 3] high [0, 3] interior [0, 0] value 0.0 : (tensor<2x3xf32>) -> tensor<2x9xf32>
  %pz = asg.pad %z low [0, 6] high [0, 0] interior [0, 0] value 0.0 : (tensor<2x3xf32>) -> tensor<2x9xf32>
  %0 = asg.add %pz, %py : tensor<2x9xf32>
  %a = asg.add %0, %px : tensor<2x9xf32>
  %b = asg.add %px, %pz : tensor<2x9xf32>
  %ix = asg.pad %x low [0, 0] high [0, 0] interior [0, 0] value 0.0 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %iz = asg.pad %z low [0, 0] high [0, 0] interior [0, 0] value 0.0 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %c = asg.add %ix, %iz : tensor<2x3xf32>
  asg.return %a, %b, %c : tensor<2x9xf32>, tensor<2x9xf32>, tensor<2x3xf32>
}

// -----

// A product whose rows go last is made the other way round.
// CHECK-LABEL: asg.graph @rows_last
// CHECK-SAME:    (%[[X:.*]]: tensor<2x3x4xf32> {{.*}}, %[[Y:.*]]: tensor<2x4x5xf32>
asg.graph @rows_last(%x: tensor<2x3x4xf32> {asg.name = "x"}, %y: tensor<2x4x5xf32> {asg.name = "y"})
    -> (tensor<5x2x3xf32> {asg.name = "z"}) {
  // CHECK:      %[[D:.*]] = asg.dot %[[Y]], %[[X]] batch [0] x [0] contract [1] x [2]
  // CHECK-NEXT: %[[T:.*]] = asg.transpose %[[D]] perm [1, 0, 2]
  // CHECK-NEXT: asg.return %[[T]]
  %0 = asg.dot %x, %y batch [0] x [0] contract [2] x [1] : (tensor<2x3x4xf32>, tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
  %z = asg.transpose %0 perm [2, 0, 1] : (tensor<2x3x5xf32>) -> tensor<5x2x3xf32>
  asg.return %z : tensor<5x2x3xf32>
}
