// RUN: asgc-opt %s '--asg-recompute=budget=0' | FileCheck %s
// RUN: asgc-opt %s '--asg-recompute=budget=0' --asg-fuse --plan-pipeline -o /dev/null
// RUN: asgc-opt %s '--asg-recompute=budget=512' | FileCheck %s --check-prefix=SOME
// RUN: asgc-opt %s --asg-recompute | FileCheck %s --check-prefix=KEPT

// The scores of an attention are made again for its gradient; the sums of their rows
// are kept. What follows the first late use reads the copy, too.
// CHECK-LABEL: asg.graph @attention
// CHECK:         %[[S:.*]] = asg.dot %[[Q:.*]], %[[K:[^ ]*]] batch
// CHECK:         %[[E:.*]] = asg.exp %[[S]]
// CHECK:         %[[R:.*]] = asg.broadcast
// CHECK:         %[[W:.*]] = asg.div %[[E]], %[[R]]
// CHECK:         %[[Y:.*]] = asg.dot %[[W]]
// CHECK:         %[[DY:.*]] = asg.mul %[[Y]]
// CHECK-NEXT:    %[[S2:.*]] = asg.dot %[[Q]], %[[K]] batch {{.*}}{asg.again}
// CHECK-NEXT:    %[[E2:.*]] = asg.exp %[[S2]]
// CHECK-NEXT:    %[[W2:.*]] = asg.div %[[E2]], %[[R]]
// CHECK-NEXT:    asg.dot %[[W2]], %[[DY]]
// CHECK:         asg.mul %{{.*}}, %[[E2]]
// CHECK:         asg.mul %[[E2]], %[[E2]]
// Two values of 256 bytes are kept, and that is the budget.
// SOME-LABEL:  asg.graph @attention
// SOME-NOT:      asg.again
// SOME-LABEL:  asg.graph @deep
// KEPT-NOT:      asg.again
asg.graph @attention(%q: tensor<8x4xf32> {asg.name = "q"}, %k: tensor<4x8xf32> {asg.name = "k"}, %v: tensor<8x4xf32> {asg.name = "v"})
    -> (tensor<8x4xf32> {asg.name = "dv"}, tensor<8x8xf32> {asg.name = "ds"}) {
  %s = asg.dot %q, %k batch [] x [] contract [1] x [0] : (tensor<8x4xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
  %e = asg.exp %s : tensor<8x8xf32>
  %sum = asg.reduce_sum %e axes [1] : (tensor<8x8xf32>) -> tensor<8xf32>
  %r = asg.broadcast %sum dims [0] : (tensor<8xf32>) -> tensor<8x8xf32>
  %w = asg.div %e, %r : tensor<8x8xf32>
  %y = asg.dot %w, %v batch [] x [] contract [1] x [0] : (tensor<8x8xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  %dy = asg.mul %y, %y : tensor<8x4xf32>
  %dv = asg.dot %w, %dy batch [] x [] contract [0] x [0] : (tensor<8x8xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  %dw = asg.dot %dy, %v batch [] x [] contract [1] x [1] : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x8xf32>
  %0 = asg.mul %dw, %e : tensor<8x8xf32>
  %1 = asg.mul %e, %e : tensor<8x8xf32>
  %ds = asg.add %0, %1 : tensor<8x8xf32>
  asg.return %dv, %ds : tensor<8x4xf32>, tensor<8x8xf32>
}

// A product of 129 multiply-adds for an element is kept.
// CHECK-LABEL: asg.graph @deep
// CHECK-NOT:     asg.again
// CHECK:         asg.return
asg.graph @deep(%q: tensor<8x129xf32> {asg.name = "q"}, %k: tensor<129x8xf32> {asg.name = "k"})
    -> (tensor<8x8xf32> {asg.name = "y"}) {
  %s = asg.dot %q, %k batch [] x [] contract [1] x [0] : (tensor<8x129xf32>, tensor<129x8xf32>) -> tensor<8x8xf32>
  %e = asg.exp %s : tensor<8x8xf32>
  %y = asg.dot %e, %e batch [] x [] contract [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %d = asg.dot %y, %e batch [] x [] contract [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  asg.return %d : tensor<8x8xf32>
}

// Run-time dims count as their bounds. What is added to what comes of it, without a
// gradient, is kept.
// CHECK-LABEL: asg.graph @bound
// CHECK:         {asg.again}
// SOME-LABEL:  asg.graph @bound
// SOME:          {asg.again}
// CHECK-LABEL: asg.graph @forward
// CHECK-NOT:     asg.again
asg.graph @bound(%q: tensor<?x4xf32, #asg.dims<n, 4>> {asg.name = "q"}) -> (tensor<?x?xf32, #asg.dims<n, n>> {asg.name = "y"}) dims = {n = 12} {
  %s = asg.dot %q, %q batch [] x [] contract [1] x [1] : (tensor<?x4xf32, #asg.dims<n, 4>>, tensor<?x4xf32, #asg.dims<n, 4>>) -> tensor<?x?xf32, #asg.dims<n, n>>
  %y = asg.dot %s, %s batch [] x [] contract [1] x [0] : (tensor<?x?xf32, #asg.dims<n, n>>, tensor<?x?xf32, #asg.dims<n, n>>) -> tensor<?x?xf32, #asg.dims<n, n>>
  %d = asg.dot %y, %s batch [] x [] contract [1] x [0] : (tensor<?x?xf32, #asg.dims<n, n>>, tensor<?x?xf32, #asg.dims<n, n>>) -> tensor<?x?xf32, #asg.dims<n, n>>
  asg.return %d : tensor<?x?xf32, #asg.dims<n, n>>
}
asg.graph @forward(%q: tensor<8x4xf32> {asg.name = "q"}) -> (tensor<8x8xf32> {asg.name = "y"}) {
  %s = asg.dot %q, %q batch [] x [] contract [1] x [1] : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x8xf32>
  %e = asg.exp %s : tensor<8x8xf32>
  %y = asg.dot %e, %e batch [] x [] contract [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %z = asg.add %e, %y : tensor<8x8xf32>
  asg.return %z : tensor<8x8xf32>
}
