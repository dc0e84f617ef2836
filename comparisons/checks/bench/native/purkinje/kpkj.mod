TITLE Fast, highly TEA-sensitive potassium channel (Khaliq, Gouwens & Raman 2003)

NEURON {
    SUFFIX kpkj
    USEION k READ ek WRITE ik
    RANGE gbar
    THREADSAFE
}

UNITS { (mV) = (millivolt)  (mA) = (milliamp)  (S) = (siemens) }

PARAMETER { gbar = 0.004 (S/cm2) }
ASSIGNED { v (mV)  ek (mV)  ik (mA/cm2)  minf  mtau (ms)  hinf  htau (ms) }
STATE { m h }

INITIAL {
    rates(v)
    m = minf
    h = hinf
}

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar * m^3 * h * (v - ek)
}

DERIVATIVE states {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

PROCEDURE rates(v (mV)) { LOCAL u
    u = v + 11
    minf = 1/(1 + exp(-(u + 24)/15.4))
    if (u < -35) {
        mtau = 3000*(3.4225e-5 + 0.00498*exp(u/28.29))
    } else {
        mtau = 1000*(0.00012851 + 1/(exp((u + 100.7)/12.9) + exp(-(u - 56)/23.1)))
    }
    hinf = 0.31 + 0.78/(1 + exp((u + 5.802)/11.2))
    if (u > 0) {
        htau = 1000*(0.0012 + 0.0023*exp(-0.141*u))
    } else {
        htau = 1000*(1.2202e-5 + 0.012*exp(-((u + 56.3)/49.6)^2))
    }
}
