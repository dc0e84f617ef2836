TITLE Moderately TEA-sensitive potassium channel (Khaliq, Gouwens & Raman 2003)

NEURON {
    SUFFIX kpkj2
    USEION k READ ek WRITE ik
    RANGE gbar
    THREADSAFE
}

UNITS { (mV) = (millivolt)  (mA) = (milliamp)  (S) = (siemens) }

PARAMETER { gbar = 0.002 (S/cm2) }
ASSIGNED { v (mV)  ek (mV)  ik (mA/cm2)  ninf  ntau (ms) }
STATE { n }

INITIAL {
    rates(v)
    n = ninf
}

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar * n^4 * (v - ek)
}

DERIVATIVE states {
    rates(v)
    n' = (ninf - n)/ntau
}

PROCEDURE rates(v (mV)) { LOCAL u
    u = v + 11
    ninf = 1/(1 + exp(-(u + 24)/20.4))
    if (u < -20) {
        ntau = 1000*(0.000688 + 1/(exp((u + 64.2)/6.5) + exp(-(u - 141.5)/34.8)))
    } else {
        ntau = 1000*(0.00016 + 0.0008*exp(-0.0267*u))
    }
}
