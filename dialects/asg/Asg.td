//===- Asg.td - The asg dialect, whole ------------------------------------===//
#ifndef ASG
#define ASG

include "dialects/asg/AsgElementwise.td"
include "dialects/asg/AsgLogic.td"
include "dialects/asg/AsgSource.td"
include "dialects/asg/AsgReduction.td"
include "dialects/asg/AsgScan.td"
include "dialects/asg/AsgContraction.td"
include "dialects/asg/AsgAttention.td"
include "dialects/asg/AsgPooling.td"
include "dialects/asg/AsgLayout.td"
include "dialects/asg/AsgIndexing.td"
include "dialects/asg/AsgRandom.td"
include "dialects/asg/AsgControl.td"
include "dialects/asg/AsgStructural.td"

#endif
