// RUN: asgc-opt %s '--asg-attention=has-kernel' --canonicalize | FileCheck %s
// RUN: asgc-opt %s '--asg-attention=has-kernel' --asg-attention | FileCheck %s --check-prefix=BACK
// RUN: asgc-opt %s --asg-attention | FileCheck %s --check-prefix=SAME

// What models write, with heads beside each other, becomes one op, which reads
// them by one transposition.
// CHECK-LABEL: asg.graph @causal
// CHECK-DAG:     %[[Q:.*]] = asg.transpose %arg0 perm [1, 0, 2]
// CHECK-DAG:     %[[K:.*]] = asg.transpose %arg1 perm [1, 0, 2]
// CHECK-DAG:     %[[V:.*]] = asg.transpose %arg2 perm [1, 0, 2]
// CHECK:         %[[Y:.*]], %{{.*}} = asg.attention %[[Q]], %[[K]], %[[V]] scale 2.500000e-01 causal
// CHECK-NOT:     asg.dot
// CHECK:         asg.return %[[Y]]
// Without a kernel it is products again.
// BACK-LABEL:  asg.graph @causal
// BACK-NOT:      asg.attention
// BACK:          asg.dot
// BACK:          asg.iota
// BACK:          asg.reduce_max
// BACK:          asg.dot
// SAME-LABEL:  asg.graph @causal
// SAME-NOT:      asg.attention
asg.graph @causal(%q: tensor<5x2x16xf32> {asg.name = "q"}, %k: tensor<5x2x16xf32> {asg.name = "k"}, %v: tensor<5x2x16xf32> {asg.name = "v"}) -> (tensor<2x5x16xf32> {asg.name = "y"}) {
  %0 = asg.transpose %q perm [1, 0, 2] : (tensor<5x2x16xf32>) -> tensor<2x5x16xf32>
  %1 = asg.transpose %k perm [1, 2, 0] : (tensor<5x2x16xf32>) -> tensor<2x16x5xf32>
  %2 = asg.dot %0, %1 batch [0] x [0] contract [2] x [1] : (tensor<2x5x16xf32>, tensor<2x16x5xf32>) -> tensor<2x5x5xf32>
  %c = asg.constant dense<0.25> : tensor<2x5x5xf32>
  %3 = asg.mul %2, %c : tensor<2x5x5xf32>
  %4 = asg.iota axis 0 : tensor<5xi64>
  %5 = asg.reshape %4 : tensor<5xi64> to tensor<5x1xi64>
  %6 = asg.broadcast %5 dims [0, 1] : (tensor<5x1xi64>) -> tensor<5x5xi64>
  %7 = asg.broadcast %4 dims [1] : (tensor<5xi64>) -> tensor<5x5xi64>
  %8 = asg.compare ge, %6, %7 : tensor<5x5xi64>
  %inf = asg.constant dense<0xFF800000> : tensor<2x5x5xf32>
  %9 = asg.broadcast %8 dims [1, 2] : (tensor<5x5xi1>) -> tensor<2x5x5xi1>
  %10 = asg.select %9, %3, %inf : tensor<2x5x5xi1>, tensor<2x5x5xf32>
  %11 = asg.reduce_max %10 axes [2] : (tensor<2x5x5xf32>) -> tensor<2x5xf32>
  %12 = asg.reshape %11 : tensor<2x5xf32> to tensor<2x5x1xf32>
  %13 = asg.stop_gradient %12 : tensor<2x5x1xf32>
  %14 = asg.broadcast %13 dims [0, 1, 2] : (tensor<2x5x1xf32>) -> tensor<2x5x5xf32>
  %15 = asg.sub %10, %14 : tensor<2x5x5xf32>
  %16 = asg.exp %15 : tensor<2x5x5xf32>
  %17 = asg.reduce_sum %16 axes [2] : (tensor<2x5x5xf32>) -> tensor<2x5xf32>
  %18 = asg.reshape %17 : tensor<2x5xf32> to tensor<2x5x1xf32>
  %one = asg.constant dense<1.0> : tensor<2x5x1xf32>
  %19 = asg.div %one, %18 : tensor<2x5x1xf32>
  %20 = asg.broadcast %19 dims [0, 1, 2] : (tensor<2x5x1xf32>) -> tensor<2x5x5xf32>
  %21 = asg.mul %16, %20 : tensor<2x5x5xf32>
  %22 = asg.transpose %v perm [1, 0, 2] : (tensor<5x2x16xf32>) -> tensor<2x5x16xf32>
  %23 = asg.dot %21, %22 batch [0] x [0] contract [2] x [1] : (tensor<2x5x5xf32>, tensor<2x5x16xf32>) -> tensor<2x5x16xf32>
  asg.return %23 : tensor<2x5x16xf32>
}

// A softmax that divides, scores divided by a number, rows known at run time.
// CHECK-LABEL: asg.graph @plain
// CHECK:         asg.attention %arg0, %arg1, %arg2 scale 5.000000e-01 :
asg.graph @plain(%q: tensor<?x4xf32, #asg.dims<n, 4>> {asg.name = "q"}, %k: tensor<7x4xf32> {asg.name = "k"}, %v: tensor<7x3xf32> {asg.name = "v"}) -> (tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "y"}) dims = {n = 9} {
  %0 = asg.dot %q, %k batch [] x [] contract [1] x [1] : (tensor<?x4xf32, #asg.dims<n, 4>>, tensor<7x4xf32>) -> tensor<?x7xf32, #asg.dims<n, 7>>
  %two = asg.constant dense<2.0> : tensor<f32>
  %1 = asg.broadcast %two dims [] : (tensor<f32>) -> tensor<?x7xf32, #asg.dims<n, 7>>
  %2 = asg.div %0, %1 : tensor<?x7xf32, #asg.dims<n, 7>>
  %3 = asg.reduce_max %2 axes [1] : (tensor<?x7xf32, #asg.dims<n, 7>>) -> tensor<?xf32, #asg.dims<n>>
  %4 = asg.broadcast %3 dims [0] : (tensor<?xf32, #asg.dims<n>>) -> tensor<?x7xf32, #asg.dims<n, 7>>
  %5 = asg.sub %2, %4 : tensor<?x7xf32, #asg.dims<n, 7>>
  %6 = asg.exp %5 : tensor<?x7xf32, #asg.dims<n, 7>>
  %7 = asg.reduce_sum %6 axes [1] : (tensor<?x7xf32, #asg.dims<n, 7>>) -> tensor<?xf32, #asg.dims<n>>
  %8 = asg.broadcast %7 dims [0] : (tensor<?xf32, #asg.dims<n>>) -> tensor<?x7xf32, #asg.dims<n, 7>>
  %9 = asg.div %6, %8 : tensor<?x7xf32, #asg.dims<n, 7>>
  %10 = asg.dot %9, %v batch [] x [] contract [1] x [0] : (tensor<?x7xf32, #asg.dims<n, 7>>, tensor<7x3xf32>) -> tensor<?x3xf32, #asg.dims<n, 3>>
  asg.return %10 : tensor<?x3xf32, #asg.dims<n, 3>>
}

// Weights that something else needs stay.
// CHECK-LABEL: asg.graph @shown
// CHECK-NOT:     asg.attention
asg.graph @shown(%q: tensor<5x4xf32> {asg.name = "q"}, %k: tensor<7x4xf32> {asg.name = "k"}, %v: tensor<7x3xf32> {asg.name = "v"}) -> (tensor<5x3xf32> {asg.name = "y"}, tensor<5x7xf32> {asg.name = "weights"}) {
  %0 = asg.dot %q, %k batch [] x [] contract [1] x [1] : (tensor<5x4xf32>, tensor<7x4xf32>) -> tensor<5x7xf32>
  %1 = asg.reduce_max %0 axes [1] : (tensor<5x7xf32>) -> tensor<5xf32>
  %2 = asg.broadcast %1 dims [0] : (tensor<5xf32>) -> tensor<5x7xf32>
  %3 = asg.sub %0, %2 : tensor<5x7xf32>
  %4 = asg.exp %3 : tensor<5x7xf32>
  %5 = asg.reduce_sum %4 axes [1] : (tensor<5x7xf32>) -> tensor<5xf32>
  %6 = asg.broadcast %5 dims [0] : (tensor<5xf32>) -> tensor<5x7xf32>
  %7 = asg.div %4, %6 : tensor<5x7xf32>
  %8 = asg.dot %7, %v batch [] x [] contract [1] x [0] : (tensor<5x7xf32>, tensor<7x3xf32>) -> tensor<5x3xf32>
  asg.return %8, %7 : tensor<5x3xf32>, tensor<5x7xf32>
}

// A mask the other way round is not the causal one.
// CHECK-LABEL: asg.graph @anticausal
// CHECK-NOT:     asg.attention
asg.graph @anticausal(%q: tensor<5x4xf32> {asg.name = "q"}, %k: tensor<5x4xf32> {asg.name = "k"}, %v: tensor<5x3xf32> {asg.name = "v"}) -> (tensor<5x3xf32> {asg.name = "y"}) {
  %0 = asg.dot %q, %k batch [] x [] contract [1] x [1] : (tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x5xf32>
  %row = asg.iota axis 0 : tensor<5x5xi64>
  %column = asg.iota axis 1 : tensor<5x5xi64>
  %sees = asg.compare le, %row, %column : tensor<5x5xi64>
  %inf = asg.constant dense<0xFF800000> : tensor<5x5xf32>
  %s = asg.select %sees, %0, %inf : tensor<5x5xi1>, tensor<5x5xf32>
  %1 = asg.reduce_max %s axes [1] : (tensor<5x5xf32>) -> tensor<5xf32>
  %2 = asg.broadcast %1 dims [0] : (tensor<5xf32>) -> tensor<5x5xf32>
  %3 = asg.sub %s, %2 : tensor<5x5xf32>
  %4 = asg.exp %3 : tensor<5x5xf32>
  %5 = asg.reduce_sum %4 axes [1] : (tensor<5x5xf32>) -> tensor<5xf32>
  %6 = asg.broadcast %5 dims [0] : (tensor<5xf32>) -> tensor<5x5xf32>
  %7 = asg.div %4, %6 : tensor<5x5xf32>
  %8 = asg.dot %7, %v batch [] x [] contract [1] x [0] : (tensor<5x5xf32>, tensor<5x3xf32>) -> tensor<5x3xf32>
  asg.return %8 : tensor<5x3xf32>
}

// So many features have no kernel.
// CHECK-LABEL: asg.graph @wide
// CHECK-NOT:     asg.attention
asg.graph @wide(%q: tensor<5x129xf32> {asg.name = "q"}, %k: tensor<7x129xf32> {asg.name = "k"}, %v: tensor<7x3xf32> {asg.name = "v"}) -> (tensor<5x3xf32> {asg.name = "y"}) {
  %0 = asg.dot %q, %k batch [] x [] contract [1] x [1] : (tensor<5x129xf32>, tensor<7x129xf32>) -> tensor<5x7xf32>
  %1 = asg.reduce_max %0 axes [1] : (tensor<5x7xf32>) -> tensor<5xf32>
  %2 = asg.broadcast %1 dims [0] : (tensor<5xf32>) -> tensor<5x7xf32>
  %3 = asg.sub %0, %2 : tensor<5x7xf32>
  %4 = asg.exp %3 : tensor<5x7xf32>
  %5 = asg.reduce_sum %4 axes [1] : (tensor<5x7xf32>) -> tensor<5xf32>
  %6 = asg.broadcast %5 dims [0] : (tensor<5xf32>) -> tensor<5x7xf32>
  %7 = asg.div %4, %6 : tensor<5x7xf32>
  %8 = asg.dot %7, %v batch [] x [] contract [1] x [0] : (tensor<5x7xf32>, tensor<7x3xf32>) -> tensor<5x3xf32>
  asg.return %8 : tensor<5x3xf32>
}
