// RUN: asgc-opt %s --asg-verify | FileCheck %s

// CHECK: asg.graph @legal
module {
  asg.graph @legal(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "y"}) {
    %0 = asg.exp %x : tensor<4xf32>
    asg.return %0 : tensor<4xf32>
  }
}
